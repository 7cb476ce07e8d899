"""`finetune sample`: an example dataset, to standard output or into a file of the right name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finetune_cli.authoring.samples import most_records
from finetune_cli.main import main
from tests.command import answered, finetune


def test_the_command_writes_to_standard_output_or_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data.jsonl"
    assert finetune("sample", "--records", 5) == 0
    assert main(["sample", "--records", "5", "--out", str(out)]) == 0
    assert capsys.readouterr().out == out.read_text()
    assert len(out.read_bytes().splitlines()) == 5


def test_a_pipe_is_written_to() -> None:
    reading, writing = os.pipe()
    assert main(["sample", "--records", "5", "--out", f"/dev/fd/{writing}"]) == 0
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert len(pipe.read().splitlines()) == 5


@pytest.mark.parametrize(("kind", "name"), [("csv", "data.jsonl"), ("conversation", "data.csv")])
def test_a_name_that_says_another_format_is_refused(
    kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The suffix decides how a dataset is read, so `finetune check` would refuse every line of such a file."""
    assert main(["sample", "--records", "5", "--format", kind, "--out", str(tmp_path / name)]) == 2
    assert f"give the file a name that ends in {'.csv' if kind == 'csv' else '.jsonl'}." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("records", [0, -3, most_records("conversation") + 1])
def test_a_number_that_there_is_not_is_answered_with_the_most(records: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--records", str(records)]) == 2
    assert f"between 1 and {most_records('conversation'):,}" in capsys.readouterr().err


def test_json_says_what_was_written_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data.jsonl"
    assert finetune("sample", "--records", 5, "--out", out, "--json") == 0
    assert answered(capsys) == {"out": str(out), "records": 5}
    assert finetune("sample", "--records", 5, "--json") == 2
    assert "--json needs --out" in capsys.readouterr().err
