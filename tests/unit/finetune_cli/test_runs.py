"""`finetune runs` lists runs with verdict, gain, cost and age, newest first, and what waits for whom."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from finetune.aws import approvals
from finetune.errors import AccessRefused
from finetune_cli.runs import table
from tests.command import answered, finetune
from tests.past import JUDGED, Runs


def test_the_newest_run_comes_first_with_what_came_of_it(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = past.add("shop", 1), past.add("shop", 2)
    past.ended(first, output={"evaluation": JUDGED, "promotion": {}})
    past.write(first, "spent.json", {"lines": [{"usd": 2.5}], "missing": [], "total_usd": 2.5})
    past.ended(second, "FAILED", error="DatasetRejected")
    assert finetune("runs") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "verdict", "gain", "cost", "age"]
    assert lines[0].split("  ")[0] == second.endpoint_name
    assert "DatasetRejected" in lines[0]
    assert lines[1].split() == [
        *(first.endpoint_name, "promoted", "+0.250", "(+0.125", "to", "+0.375)", "$2.50", "24", "hours")
    ]


def test_one_project_and_the_newest_only(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [past.add("shop", number) for number in (1, 2)]
    past.add("zoo", 3)
    assert finetune("runs", "shop", "--most", "1", "--json") == 0
    assert [each["run"] for each in answered(capsys)["runs"]] == [runs[1].endpoint_name]
    assert finetune("runs", "nobody") == 1
    assert capsys.readouterr().out == "Project nobody of stack finetune has no run.\n"


def test_a_run_that_asks_waits_for_a_person(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)
    until = datetime(2026, 11, 24, 12, tzinfo=UTC)
    question = SimpleNamespace(execution_arn=run.execution_arn, until=until, run=run, number=0)
    monkeypatch.setattr(approvals, "waiting", lambda *_: iter([question]))
    assert finetune("runs") == 0
    out = capsys.readouterr().out
    assert "a person, until 2026-11-24 12:00 UTC" in out
    assert f"To answer: finetune approve {run.endpoint_name}" in out
    past.add("zoo", 2)
    assert finetune("runs", "zoo") == 0
    assert "To answer" not in capsys.readouterr().out


def test_whoever_may_not_read_questions_sees_the_runs_all_the_same(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)

    def refuse(*_: object) -> None:
        raise AccessRefused("While listing: AccessDenied")

    monkeypatch.setattr(approvals, "waiting", refuse)
    assert finetune("runs", "shop") == 0
    out, err = capsys.readouterr()
    assert run.endpoint_name in out
    assert "not known whether a run waits for a person" in err


def test_a_column_without_anything_is_left_out() -> None:
    assert table([("run", "gain", "age"), ("a", "", "1 day"), ("bb", "", "2 days")]) == [
        "run  age",
        "a    1 day",
        "bb   2 days",
    ]
