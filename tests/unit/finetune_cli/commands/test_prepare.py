"""What `finetune prepare` is called with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import EXAMPLE, prepare


@pytest.mark.parametrize("number", ["0", "-1", "many", "1000000001", "9" * 5_000])
def test_a_number_of_records_is_1_or_more(number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare(EXAMPLE / "dataset.jsonl", "--out", tmp_path / "out.jsonl", "--limit", number) == 2
    assert "Invalid value for '--limit': must be a whole number from 1 to 1,000,000,000." in capsys.readouterr().err


def test_a_hint_says_what_a_file_is_whatever_its_name(tmp_path: Path) -> None:
    data, out = tmp_path / "export.txt", tmp_path / "out.jsonl"
    data.write_text("question;answer\n" + "".join(f"Why {n}?;Because of {n}.\n" for n in range(9)))
    assert prepare(data, "--out", out) == 2
    assert prepare(data, "--out", out, "--from", "csv") == 0
    assert len(out.read_text().splitlines()) == 9
