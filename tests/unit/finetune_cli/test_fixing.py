"""`--fix`: what can be used, with every change counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import EXAMPLE, answered, check


def test_fix_writes_what_can_be_used_and_counts_every_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fixed.jsonl"
    assert check(EXAMPLE / "broken.jsonl", "--fix", out, "--json") == 1
    fix = answered(capsys)["files"][0]["fix"]
    assert fix["accepted"]
    assert fix["records"] == len(out.read_text().splitlines()) == 30 - len(fix["changes"])
    assert sum(fix["counts"].values()) == len(fix["changes"])
    assert {19, 30} == {change["line"] for change in fix["changes"] if change["code"] == "duplicate-record"}
    assert check(out) == 0
