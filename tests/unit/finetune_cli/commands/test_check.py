"""What `finetune check` is called with."""

from __future__ import annotations

import pytest

from tests.command import EXAMPLE, check


@pytest.mark.parametrize("number", ["0", "-1", "few", "9" * 30])
def test_a_number_of_entries_is_1_or_more(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(EXAMPLE / "dataset.jsonl", "--entries", number) == 2
    assert capsys.readouterr().err == (
        "finetune: Invalid value for '--entries': must be a whole number from 1 to 1,000,000,000. "
        "See `finetune check --help`.\n"
    )


def test_without_a_dataset_there_is_nothing_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json") == 2
    assert "Missing argument 'FILE...'. See `finetune check --help`." in capsys.readouterr().err
