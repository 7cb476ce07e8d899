"""The runs of a project that begin in a month cost no more together than its monthly budget."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from finetune.aws import mail, monthly, storage
from finetune.contracts import PrepareDatasetOutput
from finetune.domain.billing.spent import Spent, SpentLine
from finetune.parts import EarlierRun
from finetune.run import Run
from tests.integration.asking_people import PREPARED
from tests.integration.fakes import Stack

LIMIT = 20.0


def going(stack: Stack, **budget: Any) -> Run:
    run = stack.run(champion=False, budget={"project_usd_per_month": LIMIT, **budget})
    stack.executions.statuses[run.execution_arn] = "RUNNING"
    stack.bucket.objects[run.uri("run.json").removeprefix("s3://artifacts/")] = (b"{}", stack.bucket.now)
    return run


def ended(stack: Stack, run: Run, status: str = "SUCCEEDED", spent: Spent | None = None) -> None:
    """Let a run end, with its mail and what it says of the cost."""
    stack.executions.statuses[run.execution_arn] = status
    sent = f"s3://artifacts/{mail.SENT}{mail.name_of(run.execution_arn)}.json"
    storage.write_json(stack.s3, sent, {"subject": "Model promoted"})
    if spent:
        told = {**spent.model_dump(mode="json"), "total_usd": spent.total_usd}
        storage.write_json(stack.s3, run.uri("spent.json"), told)


def cost(usd: float | None) -> Spent:
    return Spent(lines=(SpentLine(what="training", quantity=1, unit="tokens", usd=usd),))


def share(stack: Stack, run: Run, most: float = 8.0, takes: float = 8.0, **more: Any) -> PrepareDatasetOutput:
    prepared = PREPARED.model_copy(update={"most_usd": most, **more})
    return monthly.within(stack.s3, cast("Any", stack.executions), run, prepared, most_usd=takes)


def test_runs_share_the_month_until_the_next_one_does_not_fit_and_is_told_why(stack: Stack) -> None:
    first, second, third = (going(stack) for _ in range(3))
    assert [share(stack, run).limit_usd for run in (first, first, second)] == [8.0, 8.0, 8.0]
    refused = share(stack, third)
    assert not refused.within_budget
    assert refused.budget_reason == (
        "The project's runs have cost $0.00 in 2026-11 by UTC, and runs that go on may cost $16.00 more. This run may "
        "cost up to $8.00, and with it they could exceed the $20.00 of budget.project_usd_per_month."
    )
    ended(stack, first, spent=cost(1.5))
    assert share(stack, third).within_budget
    assert "have cost $1.50 in 2026-11 by UTC, and runs that go on may cost $16.00 more" in (
        share(stack, going(stack)).budget_reason
    )


def test_of_two_runs_that_look_at_once_the_second_counts_the_first(stack: Stack) -> None:
    one, other = going(stack), going(stack)
    original = stack.bucket.put_object

    def first_the_other(**asked: Any) -> None:
        stack.bucket.put_object = original  # type: ignore[method-assign]  # once
        assert share(stack, other, most=15).within_budget
        original(**asked)

    stack.bucket.put_object = first_the_other  # type: ignore[method-assign]  # a race
    assert not share(stack, one, most=15).within_budget


def test_a_run_takes_what_comparisons_anew_may_cost_if_there_is_so_much(stack: Stack) -> None:
    assert share(stack, going(stack), takes=12.0).limit_usd == 12.0
    assert share(stack, going(stack), most=5, takes=12.0).limit_usd == 8.0


@pytest.mark.parametrize(
    ("status", "spent", "counted"),
    [
        ("FAILED", None, 0.0),  # it ended before anything was billed
        ("SUCCEEDED", cost(3.0), 3.0),
        ("ABORTED", cost(3.0), 8.0),  # it may be redriven
        ("TIMED_OUT", cost(9.0), 9.0),
        ("SUCCEEDED", cost(None), 8.0),
        ("SUCCEEDED", Spent(missing=("hours",)), 8.0),
    ],
)
def test_an_ended_run_counts_with_what_it_has_cost_and_with_its_share_where_that_is_not_known(
    stack: Stack, status: str, spent: Spent | None, counted: float
) -> None:
    run = going(stack)
    share(stack, run)
    ended(stack, run, status, spent)
    for _ in range(2):
        assert f"have cost ${counted:.2f} in" in share(stack, going(stack), most=100).budget_reason
    kept = orjson.loads(stack.bucket.objects["budgets/shop/2026-11/0.json"][0])["spent_usd"]
    assert kept == (counted if status in {"SUCCEEDED", "FAILED"} else None)


def test_a_run_whose_mail_is_not_sent_yet_counts_with_its_share(stack: Stack) -> None:
    run = going(stack)
    share(stack, run)
    stack.executions.statuses[run.execution_arn] = "SUCCEEDED"
    assert "may cost $8.00 more" in share(stack, going(stack), most=100).budget_reason


def test_the_month_is_that_of_the_claim_by_utc_and_each_project_has_its_own(stack: Stack) -> None:
    share(stack, going(stack))
    stack.bucket.now = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    share(stack, going(stack))
    other = going(stack).model_copy(update={"slug": "other"})
    share(stack, other)
    told = [key for key in stack.bucket.objects if key.startswith("budgets/")]
    assert told == ["budgets/shop/2026-11/0.json", "budgets/shop/2026-12/0.json", "budgets/other/2026-12/0.json"]


def test_a_monthly_budget_counts_the_runs_of_the_month_from_before_it_was_set(stack: Stack) -> None:
    before = going(stack, project_usd_per_month=None)
    for _ in range(2):
        assert share(stack, before).limit_usd is None
    assert "runs that go on may cost $8.00 more" in share(stack, going(stack), most=100).budget_reason
    ended(stack, before, spent=cost(1.5))
    assert "have cost $1.50 in 2026-11 by UTC. " in share(stack, going(stack), most=100).budget_reason


def test_shares_that_have_expired_keep_no_run_from_taking_the_next_number(stack: Stack) -> None:
    for _ in range(2):
        share(stack, going(stack), most=3, takes=3)
    del stack.bucket.objects["budgets/shop/2026-11/0.json"]
    assert share(stack, going(stack), most=3, takes=3).limit_usd == 3
    told = [key for key in stack.bucket.objects if key.startswith("budgets/")]
    assert told == ["budgets/shop/2026-11/1.json", "budgets/shop/2026-11/2.json"]


def test_for_a_run_that_ends_anyway_nothing_is_taken(stack: Stack) -> None:
    for more in (
        {"within_budget": False},
        {"verdict_possible": False},
        {"earlier": EarlierRun(run_id="r", standing="judged")},
    ):
        assert share(stack, going(stack), **more).limit_usd is None
    assert not [key for key in stack.bucket.objects if key.startswith("budgets/")]
