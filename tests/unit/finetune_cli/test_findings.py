"""A report for a person: findings by code, with first lines and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import EXAMPLE, answered, check, write


def test_the_error_of_the_token_estimate_is_stated(capsys: pytest.CaptureFixture[str]) -> None:
    check(EXAMPLE / "dataset.jsonl")
    assert "Tokens are estimated, up to 31% too low or 23% too high in Latin letters" in capsys.readouterr().out
    check(EXAMPLE / "dataset.jsonl", "--json")
    errors = answered(capsys)["files"][0]["statistics"]["token_errors"]
    assert errors["Latin letters"] == {"low": -0.31, "high": 0.23}


def test_entries_decides_how_many_lines_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", *({"prompt": 1, "completion": "x" * number} for number in range(1, 31)))
    check(data, "--json", "--entries", "3")
    [found] = answered(capsys)["files"]
    assert len([problem for problem in found["problems"] if problem["code"] == "wrong-type"]) == 3
    assert found["counts"]["errors"]["wrong-type"] == 30
