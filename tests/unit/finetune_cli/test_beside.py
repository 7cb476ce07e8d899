"""Sets beside a dataset: each checked, and what a run makes of all together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import EXAMPLE, answered, check, pair, write


def test_sets_beside_the_dataset_are_checked_and_their_overlap_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(290, 330)))
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": pair(5)["prompt"].upper(), "reference": "x"})
    assert check(data, "--validation", validation, "--evaluation", evaluation, "--json") == 0
    staged = answered(capsys)["files"][0]["staged"]
    assert staged["removed"] == {"overlaps-evaluation": [6], "overlaps-validation": list(range(291, 301))}
    assert staged["training"]["records"] == 289
    check(data, "--validation", validation, "--evaluation", evaluation)
    out = capsys.readouterr().out
    assert "Line 6 is left out because the evaluation set asks the same question." in out
    assert out.count("Accepted: ") == 3


@pytest.mark.parametrize("option", ["--validation", "--evaluation"])
def test_records_that_another_set_asks_are_not_there_to_train_on(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(120)))
    beside = write(tmp_path / "set.jsonl", *({**pair(n), "reference": "x"} for n in range(115)))
    assert check(data, option, beside) == 1
    held = "holds 5 different records, not counting 115 that another set of the project asks; Amazon Nova Micro asks"
    assert held in capsys.readouterr().out


def test_a_validation_set_is_too_small_without_what_the_evaluation_set_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Claude takes 32 validation records, one of which the evaluation set asks."""
    data = write(tmp_path / "data.jsonl", *map(pair, range(60)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(60, 92)))
    evaluation = write(tmp_path / "evaluation.jsonl", *({**pair(n), "reference": "x"} for n in range(91, 120)))
    options = (
        "--base-model",
        "anthropic.claude-3-haiku-20240307-v1:0:200k",
        "--validation",
        validation,
        "--evaluation",
        evaluation,
    )
    assert check(data, *options) == 1
    said = capsys.readouterr().out
    assert (
        "holds 31 different records, not counting 1 that another set of the project asks; Anthropic Claude 3 Haiku asks"
        in said
    )
    # Of the files it rejects one, and beside that the base model, which takes no jobs any more.
    assert said.count("Rejected: ") - said.count("Rejected: base_model") == 1


def test_sets_that_go_together_are_accepted_together(capsys: pytest.CaptureFixture[str]) -> None:
    files = EXAMPLE / "dataset.jsonl", "--evaluation", EXAMPLE / "evaluation.jsonl"
    assert check(*files, "--json") == 0
    assert answered(capsys)["files"][0]["staged"]["accepted"]
    assert check(*files) == 0
    assert "together for" not in capsys.readouterr().out


def test_a_line_that_holds_many_records_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, validation = tmp_path / "data.json", write(tmp_path / "validation.jsonl", *map(pair, range(140, 180)))
    data.write_text(json.dumps([*map(pair, range(150)), *map(pair, range(3))]))
    check(data, "--validation", validation, "--fix", tmp_path / "fixed.jsonl")
    out = capsys.readouterr().out
    assert "10 records of line 1 are left out because the validation set asks the same question." in out
    assert "3 records of line 1 are left out as a duplicate of another record." in out
    assert "removed duplicate-record: 3, line 1\n" in out


def test_lines_of_a_validation_set_that_are_left_out_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(100)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(200, 230)), pair(229))
    evaluation = write(tmp_path / "evaluation.jsonl", *({**pair(n), "reference": "x"} for n in (200, 201)))
    check(data, "--validation", validation, "--evaluation", evaluation)
    out = capsys.readouterr().out
    assert "Lines 1, 2 of the validation set are left out because the evaluation set asks the same question." in out
    assert "Line 31 of the validation set is left out as a duplicate of another record." in out


def test_what_a_run_holds_out_is_told_as_it_is_with_a_validation_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(110)))
    validation = write(tmp_path / "validation.jsonl", *map(pair, range(60, 110)))
    assert check(data, "--validation", validation) == 0
    out = capsys.readouterr().out
    assert "60 records to train" not in out
    assert "and 6 records to evaluate with." in out
    assert "No verdict is possible: 6 evaluation items can be measured by token F1, and a verdict takes 20." in out


def test_every_line_that_is_left_out_is_counted_and_the_first_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)), *map(pair, range(40)))
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": "Who are you?", "reference": "Nobody."})
    check(data, "--evaluation", evaluation)
    lines = ", ".join(map(str, range(301, 313)))
    assert f" Lines {lines} and 28 more are left out as a duplicate of another record." in capsys.readouterr().out
    check(data, "--evaluation", evaluation, "--json")
    assert answered(capsys)["files"][0]["staged"]["removed"] == {"duplicate": list(range(301, 341))}


def test_a_bad_set_beside_the_dataset_rejects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = write(tmp_path / "evaluation.jsonl", {"prompt": "a question without an answer"})
    assert check(EXAMPLE / "dataset.jsonl", "--evaluation", evaluation) == 1
    assert "missing-expectation" in capsys.readouterr().out
