"""`finetune show` tells one run from its execution and its files."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.command import answered, finetune
from tests.past import JUDGED, Runs


def test_verdict_reason_scores_and_files_are_shown(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    output = {"evaluation": JUDGED, "promotion": {}, "model": {"model_name": "shop-c1"}}
    past.ended(run, output=output)
    past.write(run, "report.html", "page")
    assert finetune("show", run.run_id) == 0
    told = capsys.readouterr().out
    for words in (
        f"{run.endpoint_name}\n  verdict: promoted\n  why: The custom model is better than the base model.",
        "started: 2026-11-21 10:30 UTC, 2 h long",
        "by Exact match: base model 0.250, new model 0.500",
        "gain: +0.250 (+0.125 to +0.375)",
        "note: This was look 1.",
        "model: shop-c1",
        f"Files\n  {run.uri('report.html')}",
        f"executions/details/{quote(run.execution_arn, safe='')}",
        f"prefix={quote(run.uri('report.html').split('/', 3)[3], safe='')}",
    ):
        assert words in told


def test_why_a_run_failed_is_told_in_the_sentence_of_its_error(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    past.ended(run, "FAILED", error="BudgetExceeded", cause='{"errorMessage": "It may cost $9."}')
    assert finetune("show", run.run_id, "--json") == 1
    found = answered(capsys)
    assert (found["verdict"], found["reason"]) == ("BudgetExceeded", "It may cost $9.")
    assert found["settings"]["base_model"] == run.settings.base_model


def test_a_run_that_goes_on_is_shown_with_the_state_that_it_is_in(
    past: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    run = past.add("shop", 1)
    assert finetune("show", run.run_id) == 0
    told = capsys.readouterr().out
    assert "verdict: going on" in told
    assert "\nStates\n" in told
