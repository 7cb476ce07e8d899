"""How many runs a stack allows in a day and at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from finetune.aws import ceilings, runs
from finetune.errors import ServiceBusy, TooManyRunsAtOnce, TooManyRunsToday
from finetune.run import Ceilings, Run
from tests.integration.deployed import down
from tests.integration.fakes import MemoryBucket, MemoryExecutions, Stack


def claimed(stack: Stack, slug: str | None = None) -> Run:
    """A run of a project of its own, unless one is named."""
    run = stack.run(champion=False)
    run = runs.under(run, slug or f"project-{stack.trained}")
    stack.bucket.objects[run.uri("run.json").removeprefix("s3://artifacts/")] = (b"{}", stack.bucket.now)
    return run


def taken(stack: Stack) -> list[str]:
    """The places of all projects together."""
    return [key for key in stack.bucket.objects if key.startswith("slots/") and "/of/" not in key]


def take(stack: Stack, run: Run, most: int = 2) -> None:
    ceilings.take_today(stack.s3, run, most)


def test_a_day_has_so_many_runs_and_each_is_counted_once(stack: Stack) -> None:
    first, second, third = (claimed(stack) for _ in range(3))
    for run in (first, first, second, first):
        take(stack, run)
    assert taken(stack) == ["slots/days/2026-11-21/0.json", "slots/days/2026-11-21/1.json"]
    told = r"allows 2 runs in a UTC day, and 2 have begun on 2026-11-21\. The next may begin on 2026-11-22 at 00:00 UTC"
    with pytest.raises(TooManyRunsToday, match=told):
        take(stack, third)
    take(stack, first)


def test_the_day_is_that_of_the_claim_by_utc_also_for_a_retry_after_midnight(stack: Stack) -> None:
    stack.bucket.now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    before = claimed(stack)
    stack.bucket.now = datetime(2026, 11, 22, 0, 1, tzinfo=UTC)
    for run in (before, claimed(stack)):
        take(stack, run, 1)
    assert [key.split("/")[2] for key in taken(stack)] == ["2026-11-21", "2026-11-22"]


@pytest.mark.parametrize(("slugs", "place"), [(("a", "b"), b'"taken"'), (("a", "a"), b'"share"')])
def test_of_two_runs_that_reach_for_the_last_place_of_a_day_one_gets_it(
    stack: Stack, slugs: tuple[str, str], place: bytes
) -> None:
    one, other = (claimed(stack, slug) for slug in slugs)
    original = stack.bucket.put_object

    def first_the_other(**asked: Any) -> None:
        if place in asked["Body"]:
            stack.bucket.put_object = original  # type: ignore[method-assign]  # once
            take(stack, other, 1)
        original(**asked)

    stack.bucket.put_object = first_the_other  # type: ignore[method-assign]  # a race
    with pytest.raises(TooManyRunsToday):
        take(stack, one, 1)
    assert len(taken(stack)) == 1


def test_a_run_whose_function_died_before_or_after_it_was_counted_is_counted_once(stack: Stack) -> None:
    for dying in (1, 2, 3, 4):
        run, original, puts = claimed(stack), stack.bucket.put_object, list[str]()

        def die(*, of: Any = original, at: int = dying, seen: list[str] = puts, **asked: Any) -> None:
            of(**asked)
            seen.append(asked["Key"])
            if len(seen) == at:
                down()

        stack.bucket.put_object = die  # type: ignore[method-assign]  # its answer is lost
        with pytest.raises(ServiceBusy):
            take(stack, run, 9)
        stack.bucket.put_object = original  # type: ignore[method-assign]  # it works again
        take(stack, run, 9)
    assert len(taken(stack)) == 4
    assert sum("/of/" in key for key in stack.bucket.objects) == 4


def test_one_project_takes_no_more_than_half_of_a_day(stack: Stack) -> None:
    flood = [claimed(stack, "flood") for _ in range(4)]
    for run in (*flood[:3], flood[0]):
        take(stack, run, 5)
    told = r"half of the stack's 5 runs in a UTC day, and 3 have begun on 2026-11-21\. The next .* MostRunsPerDay"
    with pytest.raises(TooManyRunsToday, match=told):
        take(stack, flood[3], 5)
    for _ in range(2):
        take(stack, claimed(stack, "2026-11-21"), 5)
    assert len(taken(stack)) == 5


def test_where_a_day_has_one_run_any_project_may_have_it(stack: Stack) -> None:
    take(stack, claimed(stack), 1)
    with pytest.raises(TooManyRunsToday, match="The stack allows 1 runs"):
        take(stack, claimed(stack), 1)


def test_a_run_that_was_counted_before_projects_had_shares_is_not_counted_again(stack: Stack) -> None:
    run = claimed(stack)
    take(stack, run)
    before = {key: value for key, value in stack.bucket.objects.items() if "/of/" not in key}
    before[run.uri("day.json").removeprefix("s3://artifacts/")] = (
        b'{"taken": "s3://artifacts/slots/days/2026-11-21/0.json"}',
        stack.bucket.now,
    )
    stack.bucket.objects = before
    take(stack, run)
    assert len(taken(stack)) == 1


def going(stack: Stack, most: int | None = 2) -> Run:
    run = stack.run(champion=False).model_copy(update={"ceilings": Ceilings(runs_at_once=most)})
    stack.executions.statuses[run.execution_arn] = "RUNNING"
    return run


def begin(stack: Stack, run: Run) -> None:
    ceilings.take_at_once(stack.s3, cast("Any", stack.executions), run)


def test_so_many_runs_go_on_at_once_and_the_next_one_waits_until_one_has_ended(stack: Stack) -> None:
    first, second, third = (going(stack) for _ in range(3))
    for run in (first, second, first):
        begin(stack, run)
    with pytest.raises(TooManyRunsAtOnce, match=r"allows 2 runs at once, and 2 go on \(2 of shop\).*MostRunsAtOnce"):
        begin(stack, third)
    stack.executions.statuses[second.execution_arn] = "TIMED_OUT"
    begin(stack, third)
    assert len(taken(stack)) == 2


def test_a_run_of_a_release_before_ceilings_has_none(stack: Stack) -> None:
    nobody = cast("Any", None)
    for _ in range(3):
        ceilings.take_at_once(stack.s3, nobody, going(stack, None))
    assert taken(stack) == []


def test_whoever_was_let_in_under_a_higher_ceiling_counts_under_a_lower_one() -> None:
    bucket, executions = MemoryBucket(), MemoryExecutions()
    bucket.objects["slots/going/7-0.json"] = (b'{"execution_arn": "old", "project": "shop"}', bucket.now)
    executions.statuses["old"] = "RUNNING"
    run = Run.model_validate(
        {
            "run_id": "r",
            "project": "shop",
            "slug": "shop",
            "execution_arn": "new",
            "first_delivery": True,
            "folder": "s3://artifacts/runs/shop/r",
            "dataset": {"bucket": "datasets", "key": "k", "version_id": "1"},
            "endpoint_name": "shop-r",
            "ceilings": {"runs_at_once": 1},
        }
    )
    with pytest.raises(TooManyRunsAtOnce):
        ceilings.take_at_once(cast("Any", bucket), cast("Any", executions), run)
