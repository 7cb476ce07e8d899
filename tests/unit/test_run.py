"""The plan of a run, and what starts one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.run import DatasetDropped
from tests.evaluating import run

DROPPED = {"bucket": "datasets", "key": "incoming/a.jsonl", "version_id": "1", "event_time": "2026-11-21T09:14:31Z"}


def test_a_file_of_a_run_lies_in_its_folder() -> None:
    assert run().uri("staged/training.jsonl") == f"{run().folder}/staged/training.jsonl"


@pytest.mark.parametrize("wrong", [{"attempt": 0}, {"attempt": 100}, {"version_id": ""}, {"key": ""}, {"bucket": "a"}])
def test_what_no_event_can_say_starts_nothing(wrong: dict[str, object]) -> None:
    assert DatasetDropped.model_validate(DROPPED).dataset.uri == "s3://datasets/incoming/a.jsonl"
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DatasetDropped.model_validate(DROPPED | wrong)
