"""`finetune logs` prints what the functions logged about a run, from CloudWatch or from the local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finetune.aws import logs, overview
from finetune_cli import nearby
from finetune_cli.options import StackOptions
from tests.command import answered, finetune
from tests.past import Runs

WRITTEN = {
    "level": "INFO",
    "message": "done",
    "timestamp": "2026-11-21 10:31:02,250+0000",
    "function_name": "finetune-PlanRunFunction-91779992",
    "output": {"first_delivery": True, "candidates": 1},
}


def test_each_line_is_told_with_its_time_function_and_facts(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = past.add("shop", 1), list[Any]()

    def about(*given: Any) -> Iterator[tuple[datetime, str]]:
        asked.extend(given[1:3])
        yield datetime(2026, 11, 21, 10, 31, 2, tzinfo=UTC), json.dumps(WRITTEN)
        yield datetime(2026, 11, 21, 10, 31, 3, tzinfo=UTC), "REPORT Duration: 3 ms"

    monkeypatch.setattr(logs, "about", about)
    monkeypatch.setattr(overview, "resource", lambda *given: "-".join(given[1:]))
    assert finetune("logs", run.run_id) == 0
    assert asked == ["finetune-FunctionLogGroup", run.run_id]
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-21 10:31:02 PlanRun INFO done: first_delivery True, candidates 1",
        "2026-11-21 10:31:03 REPORT Duration: 3 ms",
    ]


def test_the_local_cloud_s_files_are_read_by_the_run_s_id(
    past: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = past.add("shop", 1), tmp_path / "logs" / "functions"
    folder.mkdir(parents=True)
    later = {**WRITTEN, "run_id": run.run_id, "timestamp": "2026-11-21 10:40:00,000+0000"}
    first = {**WRITTEN, "run_id": run.run_id}
    (folder / "a.log").write_text(f"{json.dumps(later)}\n{json.dumps({**WRITTEN, 'run_id': 'another'})}\n")
    (folder / "b.log").write_text(json.dumps(first))
    monkeypatch.setenv(nearby.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(StackOptions, "enter", lambda _: None)
    assert finetune("logs", run.run_id, "--local", "--json") == 0
    assert [each["time"][11:19] for each in answered(capsys)["lines"]] == ["10:31:02", "10:40:00"]
    assert finetune("logs", run.run_id, "--local", "--most", "1") == 0
    assert "only the first 1 lines" in capsys.readouterr().err


def test_where_nothing_is_logged_the_answer_is_no(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)
    monkeypatch.setattr(logs, "about", lambda *_: iter(()))
    monkeypatch.setattr(overview, "resource", lambda *_: "group")
    assert finetune("logs", run.run_id) == 1
    assert "nothing is logged about run" in capsys.readouterr().err
