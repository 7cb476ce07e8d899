"""Whether an execution goes on, and whether anything of it can still be going."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from finetune.aws.executions import IN_FLIGHT, all_of, look
from tests.integration.fakes import MemoryExecutions


@pytest.fixture
def executions() -> Any:
    known = MemoryExecutions(statuses={"going": "RUNNING", "over": "ABORTED", "again": "FAILED"})
    known.more["over"] = {"stopDate": known.now - IN_FLIGHT, "input": "{}", "cause": "why"}
    known.more["again"] = {"redriveCount": 2}
    return cast("Any", known)


def test_one_execution_is_seen_as_it_is(executions: Any) -> None:
    found = look(executions, "over")
    assert found
    assert (found.status, found.redrives, found.input, found.output, found.cause) == ("ABORTED", 0, "{}", None, "why")
    assert look(executions, "unknown") is None


def test_all_executions_are_listed_with_the_newest_first(executions: Any) -> None:
    found = all_of(executions, "machine")
    assert [(each.arn, each.running, each.redrives) for each in found.values()] == [
        ("again", False, 2),
        ("over", False, 0),
        ("going", True, 0),
    ]


@pytest.mark.parametrize(
    ("status", "ago", "quiet"),
    [
        ("RUNNING", None, False),
        ("PENDING_REDRIVE", IN_FLIGHT, False),
        ("ABORTED", timedelta(0), False),
        ("ABORTED", IN_FLIGHT - timedelta(seconds=1), False),
        ("ABORTED", IN_FLIGHT, True),
        ("SUCCEEDED", IN_FLIGHT, True),
    ],
)
def test_it_is_quiet_once_its_longest_function_must_have_ended(status: str, ago: timedelta | None, quiet: bool) -> None:
    known = MemoryExecutions(statuses={"one": status})
    known.more["one"] = {} if ago is None else {"stopDate": known.now - ago}
    found = look(cast("Any", known), "one")
    assert found
    assert found.quiet is quiet
