"""A slot is one execution's until that has ended, however many look for one at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson

from finetune.aws.slots import Held, Slots
from tests.integration.fakes import MemoryBucket, MemoryExecutions


def slots(bucket: MemoryBucket, executions: MemoryExecutions) -> Slots:
    return Slots(cast("Any", bucket), cast("Any", executions), "s3://artifacts/slots/going/")


def room_for(most: int) -> Callable[[Held], bool]:
    return lambda held: len(held.holders) < most


def claim(bucket: MemoryBucket, executions: MemoryExecutions, name: str, most: int = 2) -> Held | None:
    executions.statuses.setdefault(name, "RUNNING")
    return slots(bucket, executions).claim({"execution_arn": name}, room_for(most))


def holders(bucket: MemoryBucket) -> dict[str, str]:
    """Who is written into each file."""
    return {key: orjson.loads(body)["execution_arn"] for key, (body, _) in bucket.objects.items()}


def test_a_holder_takes_one_slot_however_often_it_asks_and_keeps_it_until_it_has_ended() -> None:
    bucket, executions = MemoryBucket(), MemoryExecutions()
    assert [claim(bucket, executions, name) for name in ("a", "a", "b", "b", "a")] == [None] * 5
    full = claim(bucket, executions, "c")
    assert full
    assert [holder["execution_arn"] for holder in full.holders.values()] == ["a", "b"]
    executions.statuses["a"] = "ABORTED"
    assert claim(bucket, executions, "c") is None
    assert holders(bucket) == {"slots/going/0-1.json": "c", "slots/going/1-0.json": "b"}


def test_an_execution_that_is_forgotten_holds_nothing() -> None:
    bucket, executions = MemoryBucket(), MemoryExecutions()
    assert claim(bucket, executions, "a", most=1) is None
    del executions.statuses["a"]
    assert claim(bucket, executions, "b", most=1) is None


def test_whoever_comes_second_to_a_slot_counts_again() -> None:
    bucket, executions = MemoryBucket(), MemoryExecutions()
    original = bucket.put_object

    def first_another(**asked: Any) -> None:
        bucket.put_object = original  # type: ignore[method-assign]  # once
        claim(bucket, executions, "other", most=1)
        original(**asked)

    bucket.put_object = first_another  # type: ignore[method-assign]  # a race
    assert claim(bucket, executions, "a", most=1) is not None
    assert holders(bucket) == {"slots/going/0-0.json": "other"}


def test_who_looked_long_ago_does_not_take_what_was_taken_and_left_meanwhile() -> None:
    bucket, executions = MemoryBucket(), MemoryExecutions()
    claim(bucket, executions, "ended", most=1)
    executions.statuses["ended"] = "SUCCEEDED"
    original = bucket.put_object

    def after_two_others(**asked: Any) -> None:
        bucket.put_object = original  # type: ignore[method-assign]  # once
        claim(bucket, executions, "second", most=1)
        executions.statuses["second"] = "FAILED"
        claim(bucket, executions, "third", most=1)
        original(**asked)

    bucket.put_object = after_two_others  # type: ignore[method-assign]  # a race
    assert claim(bucket, executions, "late", most=1) is not None
    assert claim(bucket, executions, "third", most=1) is None
