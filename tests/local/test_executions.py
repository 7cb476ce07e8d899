"""Executions over time: the scaled clock, histories, retries, stops, task tokens and redrives."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.local.conftest import TIME_SCALE, Workbench, passing
from tests.waiting import eventually

DONE = {"Type": "Succeed"}
DAY = 86400


def service_seconds() -> Callable[[], float]:
    """How many service seconds may have passed since: the more, the longer it took."""
    begun = time.monotonic()
    return lambda: (time.monotonic() - begun) * TIME_SCALE


def test_waits_run_on_the_scaled_clock_and_timestamps_agree(workbench: Workbench) -> None:
    passed = service_seconds()
    seen = {"Parameters": {"at.$": "$$.State.EnteredTime", "start.$": "$$.Execution.StartTime"}}
    execution = workbench.run(
        {
            "StartAt": "Sleep",
            "States": {"Sleep": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Look"}, "Look": passing(**seen)},
        },
        {"s": 600},
    )

    entered, started = (datetime.fromisoformat(execution["output"][key]) for key in ("at", "start"))
    assert 600 <= (entered - started).total_seconds() <= passed()
    assert execution["startDate"].astimezone(UTC) == started
    assert execution["output"]["at"].endswith("Z")


def test_a_wait_until_a_timestamp_ends_at_that_service_time(workbench: Workbench) -> None:
    passed = service_seconds()
    first = workbench.run({"StartAt": "A", "States": {"A": passing(Parameters={"now.$": "$$.State.EnteredTime"})}})
    until = datetime.fromisoformat(first["output"]["now"]).timestamp() + 900
    execution = workbench.run(
        {"StartAt": "A", "States": {"A": {"Type": "Wait", "TimestampPath": "$.until", "End": True}}},
        {"until": datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
    )

    assert until - 1 <= execution["stopDate"].timestamp() <= first["startDate"].timestamp() + passed()


def test_the_history_is_readable_while_the_execution_runs(workbench: Workbench) -> None:
    sleep = {"Type": "Wait", "Seconds": DAY, "End": True}
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": sleep}})
    execution = workbench.start(machine)

    types = eventually(lambda: [event["type"] for event in workbench.history(execution)][3:])

    assert types == ["WaitStateEntered"]


WAITS_FOR_A_FILE = """
import os, time
def handler(event, context):
    while not os.path.exists(event["until"]):
        time.sleep(0.01)
"""


def test_a_stopped_execution_is_aborted_at_once_with_error_and_cause(
    cloud: Cloud, workbench: Workbench, tmp_path: Path
) -> None:
    task = {"Type": "Task", "Resource": workbench.function(WAITS_FOR_A_FILE), "End": True}
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": task}})
    client = cloud.client("stepfunctions")
    execution = workbench.start(machine, {"until": str(tmp_path / "end")})
    eventually(lambda: "LambdaFunctionStarted" in [event["type"] for event in workbench.history(execution)])

    client.stop_execution(executionArn=execution, error="Stopped", cause="by hand")

    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Stopped", "by hand")
    last = workbench.history(execution)[-1]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"] == {"error": "Stopped", "cause": "by hand"}
    (tmp_path / "end").touch()


def test_starting_the_same_name_and_input_again_is_the_same_start(cloud: Cloud, workbench: Workbench) -> None:
    sleep = {"Type": "Wait", "Seconds": DAY, "End": True}
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": sleep}})

    first = workbench.start(machine, {"n": 1}, name="same")

    assert workbench.start(machine, {"n": 1}, name="same") == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        workbench.start(machine, {"n": 2}, name="same")
    cloud.client("stepfunctions").stop_execution(executionArn=first)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        workbench.start(machine, {"n": 1}, name="same")


def test_an_input_over_256_kib_is_refused(workbench: Workbench) -> None:
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": passing()}})

    with pytest.raises(ClientError, match="ValidationException"):
        workbench.start(machine, {"b": "x" * 262_144})


RETRIED = """
def handler(event, context):
    if event["try"] < 2:
        raise LookupError(f"try {event['try']}")
    return event
"""


def test_a_retry_waits_on_the_scaled_clock_and_counts(workbench: Workbench) -> None:
    function = workbench.function(RETRIED)
    retry = {
        "ErrorEquals": ["LookupError"],
        "IntervalSeconds": 60,
        "MaxAttempts": 5,
        "MaxDelaySeconds": 90,
        "JitterStrategy": "FULL",
    }
    task = {"Type": "Task", "Resource": function, "Parameters": {"try.$": "$$.State.RetryCount"}, "Retry": [retry]}

    execution = workbench.run({"StartAt": "A", "States": {"A": task | {"End": True}}})

    assert execution["output"] == {"try": 2}
    types = [event["type"] for event in workbench.history(execution["executionArn"])]
    assert types.count("LambdaFunctionFailed") == 2


def test_a_base_class_does_not_match_the_error_of_a_function(workbench: Workbench) -> None:
    function = workbench.function("def handler(event, context): raise KeyError('k')")
    catch = [{"ErrorEquals": ["LookupError"], "Next": "Yes"}]
    task = {"Type": "Task", "Resource": function, "Catch": catch, "End": True}

    execution = workbench.run({"StartAt": "A", "States": {"A": task, "Yes": DONE}})

    assert (execution["status"], execution["error"]) == ("FAILED", "KeyError")


def test_the_events_of_a_task_are_those_of_aws(workbench: Workbench) -> None:
    function = workbench.function("def handler(event, context): return {'n': 1}")
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function}}
    definition = {
        "StartAt": "A",
        "States": {"A": {"Type": "Task", "Resource": function, "Next": "B"}, "B": invoke | {"End": True}},
    }

    events = workbench.history(workbench.run(definition)["executionArn"])

    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))


ASKS = """
import boto3
def handler(event, context):
    boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output='{"answer": "yes"}')
"""
SEND_SUCCESS = {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": "*"}


def asking(function_arn: str, seconds: int) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function_arn, "Payload": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": seconds,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.late", "Next": "Late"}],
        "End": True,
    }


def test_a_task_token_brings_the_answer(workbench: Workbench) -> None:
    ask = asking(workbench.function(ASKS, SEND_SUCCESS), 365 * DAY)
    execution = workbench.run({"StartAt": "Ask", "States": {"Ask": ask, "Late": passing(Result="late")}})

    assert execution["output"] == {"answer": "yes"}


def test_a_task_token_that_nobody_answers_times_out_in_service_time(workbench: Workbench) -> None:
    ask = asking(workbench.function("def handler(event, context): return None"), 600)
    execution = workbench.run({"StartAt": "Ask", "States": {"Ask": ask, "Late": passing(Result="late")}})

    assert execution["output"] == "late"


def test_a_token_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="TaskTimedOut"):
        cloud.client("stepfunctions").send_task_success(taskToken="nobody", output="{}")


RECOVERS = """
def handler(event, context):
    if event["redriven"] == 0:
        raise LookupError("not yet")
    return "found"
"""


def test_a_redriven_execution_continues_where_it_failed(cloud: Cloud, workbench: Workbench) -> None:
    function = workbench.function(RECOVERS)
    task = {"Type": "Task", "Resource": function, "Parameters": {"redriven.$": "$$.Execution.RedriveCount"}}
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": task | {"End": True}}}
    failed = workbench.run(definition)
    assert (failed["status"], failed["redriveStatus"]) == ("FAILED", "REDRIVABLE")

    cloud.client("stepfunctions").redrive_execution(executionArn=failed["executionArn"])

    execution = workbench.finished(failed["executionArn"])
    assert (execution["status"], execution["output"], execution["redriveCount"]) == ("SUCCEEDED", "found", 1)
    events = workbench.history(failed["executionArn"])
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    types = [event["type"] for event in events]
    assert types.count("PassStateEntered") == 1
    assert types.index("ExecutionRedriven") == types.index("ExecutionFailed") + 1


def test_a_redriven_execution_keeps_its_definition_although_the_machine_has_another(
    cloud: Cloud, workbench: Workbench
) -> None:
    task = {
        "Type": "Task",
        "Resource": workbench.function(RECOVERS),
        "Parameters": {"redriven.$": "$$.Execution.RedriveCount"},
        "Next": "Last",
    }
    old, new = ({"StartAt": "Task", "States": {"Task": task, "Last": passing(Result=name)}} for name in ("old", "new"))
    machine = workbench.state_machine(old)
    failed = workbench.finished(workbench.start(machine))
    client = cloud.client("stepfunctions")
    client.update_state_machine(stateMachineArn=machine, definition=json.dumps(new))

    client.redrive_execution(executionArn=failed["executionArn"])

    assert workbench.finished(failed["executionArn"])["output"] == "old"


def test_an_execution_that_succeeded_cannot_be_redriven(cloud: Cloud, workbench: Workbench) -> None:
    done = workbench.run({"StartAt": "A", "States": {"A": passing()}})

    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        cloud.client("stepfunctions").redrive_execution(executionArn=done["executionArn"])
