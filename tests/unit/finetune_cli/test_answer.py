"""What a command answers: an exit code that means the same for all, and one JSON object."""

from __future__ import annotations

import json

import pytest

from finetune_cli.answer import EXIT_CODES, Answer, as_json
from tests.command import finetune


def test_yes_is_0_and_no_is_1() -> None:
    assert [Answer(yes, {}).exit_code for yes in (True, False)] == [0, 1]
    assert EXIT_CODES.keys() >= {0, 1}


def test_json_is_spelled_in_any_encoding_whatever_was_found() -> None:
    printed = as_json("check", 1, result={"file": "na\u00efve \udcff"})
    assert printed.isascii()
    assert json.loads(printed) == {"command": "check", "exit_code": 1, "result": {"file": "na\u00efve \udcff"}}


@pytest.mark.parametrize(
    ("line", "command", "error"),
    [
        (["sample", "--records", "0", "--json"], "sample", "--records 0 is not between 1 and"),
        (["check", "--json"], "check", "Missing argument 'FILE...'."),
        (["chek", "--json"], None, "No such command 'chek'. Did you mean 'check'?"),
    ],
)
def test_a_program_reads_why_a_command_could_not_run(
    line: list[str], command: str | None, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(*line) == 2
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["command"], answer["exit_code"]) == (command, 2)
    assert answer["error"].startswith(error)
    assert err == f"finetune: {answer['error']}\n"
