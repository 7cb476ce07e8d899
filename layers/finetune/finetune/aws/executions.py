"""Executions of the state machine: whether one still goes on, and which have ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from finetune.aws.translation import code_of, service_time, translated

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# Promote Model may run for this long after its execution was stopped, so longer than its function's time limit.
IN_FLIGHT = timedelta(minutes=6)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as Step Functions describes or lists it; `as_of` is the service's time."""

    arn: str
    status: str
    redrives: int
    stopped: datetime | None
    as_of: datetime
    started: datetime | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def running(self) -> bool:
        return self.status in {"RUNNING", "PENDING_REDRIVE"}

    @property
    def quiet(self) -> bool:
        """Whether it has ended and none of its functions that could publish a model can still be going."""
        return not self.running and self.stopped is not None and self.as_of - self.stopped >= IN_FLIGHT


def look(stepfunctions: SFNClient, arn: str) -> Execution | None:
    """One execution; None when Step Functions does not know it, or no longer."""
    with translated(f"looking at {arn}"):
        try:
            found = stepfunctions.describe_execution(executionArn=arn)
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
    return _execution(found, service_time(found))


def goes_on(stepfunctions: SFNClient, arn: str) -> bool:
    """Whether an execution is there and runs."""
    found = look(stepfunctions, arn)
    return found is not None and found.running


def all_of(stepfunctions: SFNClient, machine_arn: str) -> dict[str, Execution]:
    """Every execution of the last 90 days, which is as long as Step Functions keeps them, by ARN; newest first."""
    found: dict[str, Execution] = {}
    with translated("listing executions"):
        for page in stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=machine_arn):
            for each in page["executions"]:
                found.setdefault(each["executionArn"], _execution(each, service_time(page)))
    return found


def history(stepfunctions: SFNClient, arn: str) -> list[Mapping[str, Any]]:
    """Every event of an execution without its data, oldest first; none when Step Functions does not know it."""
    with translated(f"reading the history of {arn}"):
        try:
            pages = stepfunctions.get_paginator("get_execution_history").paginate(
                executionArn=arn, includeExecutionData=False
            )
            return [event for page in pages for event in page["events"]]
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return []
            raise


def stop(stepfunctions: SFNClient, arn: str, why: str) -> None:
    """Stop an execution; one that has ended is stopped already."""
    with translated(f"stopping {arn}"):
        try:
            stepfunctions.stop_execution(executionArn=arn, cause=why)
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise


def _execution(found: Any, as_of: datetime) -> Execution:
    return Execution(
        arn=found["executionArn"],
        status=found["status"],
        redrives=found.get("redriveCount", 0),
        stopped=found.get("stopDate"),
        as_of=as_of,
        started=found.get("startDate"),
        **{key: found[key] for key in ("input", "output", "error", "cause") if key in found},
    )
