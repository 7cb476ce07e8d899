"""The bar for files that take their time."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from finetune_cli import progress
from tests.command import pair, write


def test_a_bar_is_shown_for_large_files_to_people_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(300)))
    monkeypatch.setattr(progress, "LARGE_BYTES", 10)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert b"".join(progress.watched(data, "checking")) == data.read_bytes()
    assert stream.getvalue() == ""
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert b"".join(progress.watched(data, "checking")) == data.read_bytes()
    assert "checking" in stream.getvalue()
