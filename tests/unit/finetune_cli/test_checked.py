"""What a check has found, with the sets beside the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for
from finetune_cli.checked import Checked
from finetune_cli.options import BASE_MODEL, METHOD
from tests.command import EXAMPLE

ROW = base_model(BASE_MODEL)
RULES = rules_for(ROW, METHOD)


def report(name: str) -> DatasetReport:
    return check_dataset([(EXAMPLE / name).read_bytes()], suffix=".jsonl", rules=RULES)


GOOD, BAD = report("dataset.jsonl"), report("broken.jsonl")


@pytest.mark.parametrize(
    ("dataset", "validation", "evaluation", "together", "accepted"),
    [
        (GOOD, None, None, None, True),
        (GOOD, GOOD, GOOD, True, True),
        (BAD, GOOD, GOOD, None, False),
        (GOOD, BAD, None, None, False),
        (GOOD, None, BAD, None, False),
        (GOOD, GOOD, None, False, False),
    ],
)
def test_all_files_have_to_be_accepted_and_all_of_them_together(
    dataset: DatasetReport,
    validation: DatasetReport | None,
    evaluation: DatasetReport | None,
    together: bool | None,
    accepted: bool,
) -> None:
    staged = None if together is None else {"accepted": together}
    found = Checked(Path("data.jsonl"), ".jsonl", dataset, validation, evaluation, staged)
    assert found.accepted is accepted


def test_a_program_gets_what_was_there_and_no_empty_places() -> None:
    alone = Checked(Path("data.jsonl"), ".jsonl", GOOD).as_dict(ROW, RULES)
    assert alone["base_model"] == BASE_MODEL
    assert not {"validation", "evaluation", "staged", "fix"} & alone.keys()
    beside = Checked(Path("data.jsonl"), ".jsonl", GOOD, BAD, GOOD, {"accepted": True}, fix={"out": "x"})
    found = beside.as_dict(ROW, RULES)
    assert (found["validation"]["accepted"], found["evaluation"]["accepted"]) == (False, True)
    assert (found["staged"], found["fix"]) == ({"accepted": True}, {"out": "x"})
