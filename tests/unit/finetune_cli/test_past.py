"""A run is found by its id, and what came of it is told from its execution or, later, from its files."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from finetune.aws.executions import Execution
from finetune_cli import past as looked
from finetune_cli import stack
from finetune_cli.answer import UsageFailure
from finetune_cli.past import ago
from tests.past import JUDGED, Runs


def test_a_run_is_found_by_its_id_with_and_without_its_project(past: Runs) -> None:
    run = past.add("shop", 1)
    by = stack.removing("finetune")
    for name in (run.run_id, run.endpoint_name):
        assert looked.find(by, name).plan == run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop", "'shop' is not the id of a run"),
        ("20260101-000000-00000000", "There is no run '20260101-000000-00000000' in stack 'finetune'"),
    ],
)
def test_what_is_no_run_is_said_with_the_command_that_lists_them(past: Runs, name: str, words: str) -> None:
    past.add("shop", 1)
    with pytest.raises(UsageFailure, match=f"{words}.*`finetune runs`"):
        looked.find(stack.removing("finetune"), name)


@pytest.mark.parametrize(
    ("status", "told", "verdict"),
    [
        ("RUNNING", {}, "going on"),
        ("ABORTED", {}, "stopped"),
        ("TIMED_OUT", {}, "timed out"),
        ("FAILED", {"error": "BudgetExceeded"}, "BudgetExceeded"),
        ("SUCCEEDED", {"output": {"promotion": {}, "evaluation": JUDGED}}, "promoted"),
        ("SUCCEEDED", {"output": {"evaluation": {**JUDGED, "decision": "do_not_promote"}}}, "not better"),
        ("SUCCEEDED", {"output": {"evaluation": {**JUDGED, "decision": "inconclusive"}}}, "inconclusive"),
        ("SUCCEEDED", {}, "nothing new"),
    ],
)
def test_every_way_to_end_has_its_verdict(past: Runs, status: str, told: dict[str, Any], verdict: str) -> None:
    run = past.add("shop", 1)
    past.ended(run, status, **told)
    assert looked.find(stack.removing("finetune"), run.run_id).verdict == verdict


def test_after_ninety_days_the_files_tell_the_verdict(past: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = past.add("shop", 1)
    evaluation = {
        "decision": "do_not_promote",
        "metric": "exact_match",
        "scores": {"base": {"exact_match": 0.5}, "candidate": {"exact_match": 0.4}},
        "comparisons": [{"against": "base", "difference": {"mean": -0.1, "low": -0.2, "high": 0.1}}],
    }
    past.write(run, "evaluation.json", evaluation)
    monkeypatch.setattr("finetune.aws.executions.look", lambda *_: None)
    found = looked.find(stack.removing("finetune"), run.run_id)
    assert (found.verdict, found.gain) == ("not better", "-0.100 (-0.200 to +0.100)")
    assert found.started.isoformat() == "2026-11-21T10:31:00+00:00"


def test_the_gain_is_that_over_the_model_in_service_where_there_was_one(past: Runs) -> None:
    run = past.add("shop", 1)
    past.ended(run, output={"evaluation": {**JUDGED, "champion_score": 0.75}})
    assert looked.find(stack.removing("finetune"), run.run_id).gain == "-0.250"


def test_what_a_run_has_cost_is_told_and_what_is_not_known_of_it(past: Runs) -> None:
    run = past.add("shop", 1)
    past.write(run, "cost.json", {"total_usd": 2.5})
    by = stack.removing("finetune")
    assert looked.find(by, run.run_id).cost == "$2.50 expected"
    past.ended(run, "FAILED", error="BudgetExceeded")
    assert looked.find(by, run.run_id).cost == "nothing"
    past.ended(run, "TIMED_OUT")
    assert looked.find(by, run.run_id).cost == "unknown"
    past.write(run, "spent.json", {"lines": [{"usd": 2}], "missing": [], "total_usd": 2})
    assert looked.find(by, run.run_id).cost == "$2.00"
    past.ended(run, "FAILED", error="DatasetRejected")
    past.write(run, "spent.json", {"lines": [{"usd": None}], "missing": [], "total_usd": 0})
    assert looked.find(by, run.run_id).cost == "at least $0.00"


def test_the_age_is_counted_on_the_clock_of_the_service(past: Runs) -> None:
    run = past.add("shop", 1)
    past.ended(run)
    found = looked.find(stack.removing("finetune"), run.run_id)
    assert found.age == timedelta(days=1)
    execution: Any = found.execution
    assert isinstance(execution, Execution)
    later = replace(found, execution=replace(execution, as_of=execution.as_of + timedelta(days=2)))
    assert ago(later.age) == "3 days"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(seconds=61), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta, words: str) -> None:
    assert ago(age) == words
