"""The contract suite: small state machines and what AWS does with each."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.local.conftest import Workbench, eventually

type Definition = dict[str, Any]

DONE = {"Type": "Succeed"}
BIG = "x" * 200_000


@dataclass(frozen=True)
class Case:
    """A state machine, its input, and how its execution ends."""

    name: str
    states: Definition
    event: Any = field(default_factory=dict)
    status: str = "SUCCEEDED"
    output: Any = None
    error: str | None = None
    cause: str = ""
    top: Definition = field(default_factory=dict)

    @property
    def definition(self) -> Definition:
        return {"StartAt": next(iter(self.states)), "States": self.states, **self.top}


def passing(**fields: Any) -> Definition:
    return {"Type": "Pass", "End": True, **fields}


def choice(rule: Definition, **fields: Any) -> Definition:
    return {"Type": "Choice", "Choices": [rule | {"Next": "Yes"}], **fields}


def caught_map(body: Definition, error: str) -> Definition:
    """A Map over one item that catches `error` from its body."""
    return {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": next(iter(body)), "States": body},
        "Catch": [{"ErrorEquals": [error], "ResultPath": "$.caught", "Next": "Yes"}],
        "End": True,
    }


CASES = [
    Case(
        "a_rule_that_holds_decides",
        {"Ask": choice({"Variable": "$.n", "NumericGreaterThan": 1}), "Yes": passing(Result="yes")},
        {"n": 2},
        output="yes",
    ),
    Case(
        "the_default_decides_when_no_rule_holds",
        {
            "Ask": choice({"Variable": "$.n", "NumericGreaterThan": 1}, Default="No"),
            "Yes": passing(Result="yes"),
            "No": passing(Result="no"),
        },
        {"n": 1},
        output="no",
    ),
    Case(
        "a_choice_that_no_rule_matches_fails",
        {"Ask": choice({"Variable": "$.n", "NumericGreaterThan": 1}), "Yes": DONE},
        {"n": 1},
        status="FAILED",
        error="States.NoChoiceMatched",
    ),
    Case(
        "a_choice_on_a_missing_path_fails_even_with_a_default",
        {"Ask": choice({"Variable": "$.n", "NumericEquals": 1}, Default="Yes"), "Yes": DONE},
        status="FAILED",
        error="States.Runtime",
        cause="Invalid path '$.n'",
    ),
    Case(
        "is_present_asks_about_a_missing_path",
        {"Ask": choice({"Not": {"Variable": "$.n", "IsPresent": True}}), "Yes": passing(Result="absent")},
        output="absent",
    ),
    Case(
        "and_stops_at_the_first_rule_that_does_not_hold",
        {
            "Ask": choice(
                {"And": [{"Variable": "$.n", "IsPresent": True}, {"Variable": "$.n", "NumericEquals": 1}]},
                Default="No",
            ),
            "Yes": DONE,
            "No": passing(Result="no"),
        },
        output="no",
    ),
    Case(
        "a_missing_path_in_parameters_fails",
        {"Do": passing(Parameters={"n.$": "$.n"})},
        status="FAILED",
        error="States.Runtime",
    ),
    Case(
        "fail_takes_error_and_cause_from_the_state",
        {"Stop": {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "States.Format('line {}', $.line)"}},
        {"error": "BadLine", "line": 7},
        status="FAILED",
        error="BadLine",
        cause="line 7",
    ),
    Case(
        "result_path_adds_one_key",
        {"Do": passing(Result={"n": 1}, ResultPath="$.added")},
        {"kept": True},
        output={"kept": True, "added": {"n": 1}},
    ),
    Case(
        "a_null_result_path_keeps_the_input",
        {"Do": passing(Result={"n": 1}, ResultPath=None)},
        {"kept": True},
        output={"kept": True},
    ),
    Case(
        "intrinsics_compute",
        {
            "Do": passing(
                Parameters={
                    "sum.$": "States.MathAdd($.n, 2)",
                    "text.$": "States.Format('{}/{}', $.a, $.n)",
                    "hash.$": "States.Hash('abc', 'SHA-256')",
                    "length.$": "States.ArrayLength($.list)",
                }
            )
        },
        {"n": 3, "a": "x", "list": [1, 2]},
        output={
            "sum": 5,
            "text": "x/3",
            "hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "length": 2,
        },
    ),
    Case(
        "an_inline_map_keeps_the_order_and_sees_index_and_value",
        {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "MaxConcurrency": 2,
                "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "g.$": "$.g"},
                "ItemProcessor": {"StartAt": "Do", "States": {"Do": passing()}},
                "ResultPath": "$.all",
                "End": True,
            }
        },
        {"items": ["a", "b"], "g": 9},
        output={
            "items": ["a", "b"],
            "g": 9,
            "all": [{"i": 0, "v": "a", "g": 9}, {"i": 1, "v": "b", "g": 9}],
        },
    ),
    Case(
        "a_map_catches_the_error_of_an_iteration_by_name",
        {
            "Each": caught_map({"Stop": {"Type": "Fail", "Error": "Bad", "Cause": "why"}}, "Bad"),
            "Yes": passing(OutputPath="$.caught.Error"),
        },
        {"items": [1]},
        output="Bad",
    ),
    Case(
        "a_map_catches_an_error_of_step_functions_by_name",
        {
            "Each": caught_map(
                {"Ask": choice({"Variable": "$", "NumericEquals": 2}), "Yes": DONE}, "States.NoChoiceMatched"
            ),
            "Yes": passing(OutputPath="$.caught.Error"),
        },
        {"items": [1]},
        output="States.NoChoiceMatched",
    ),
    Case(
        "a_nameless_error_is_caught_by_states_all",
        {"Each": caught_map({"Stop": {"Type": "Fail"}}, "States.ALL"), "Yes": passing(Result="caught")},
        {"items": [1]},
        output="caught",
    ),
    Case(
        "states_all_does_not_catch_states_runtime",
        {"Each": caught_map({"Do": passing(Parameters={"n.$": "$.n"})}, "States.ALL"), "Yes": DONE},
        {"items": [{}]},
        status="FAILED",
        error="States.Runtime",
    ),
    Case(
        "states_runtime_is_not_caught_by_its_name_either",
        {"Each": caught_map({"Do": passing(Parameters={"n.$": "$.n"})}, "States.Runtime"), "Yes": DONE},
        {"items": [{}]},
        status="FAILED",
        error="States.Runtime",
    ),
    Case(
        "states_all_does_not_catch_states_data_limit_exceeded",
        {
            "Each": caught_map({"Do": passing(Parameters={"x.$": "States.Format('{}{}', $.b, $.b)"})}, "States.ALL"),
            "Yes": DONE,
        },
        {"items": [{"b": BIG}]},
        status="FAILED",
        error="States.DataLimitExceeded",
    ),
    Case(
        "an_output_over_256_kib_fails",
        {"Do": passing(Parameters={"x.$": "States.Format('{}{}', $.b, $.b)"})},
        {"b": BIG},
        status="FAILED",
        error="States.DataLimitExceeded",
    ),
    Case(
        "a_branch_that_fails_ends_the_others",
        {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "Stop", "States": {"Stop": {"Type": "Fail", "Error": "Bad"}}},
                    {"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 86400, "End": True}}},
                ],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Yes"}],
                "End": True,
            },
            "Yes": passing(OutputPath="$.caught.Error"),
        },
        output="Bad",
    ),
    Case(
        "an_execution_past_its_timeout_ends_as_timed_out",
        {"Sleep": {"Type": "Wait", "Seconds": 86400, "End": True}},
        top={"TimeoutSeconds": 60},
        status="TIMED_OUT",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_state_machine_ends_as_on_aws(workbench: Workbench, case: Case) -> None:
    execution = workbench.run(case.definition, case.event)

    assert execution["status"] == case.status
    assert execution["output"] == case.output or case.output is None
    assert execution.get("error") == case.error
    assert case.cause in execution.get("cause", "")


REFUSED = {
    "not JSON": "{",
    "no such state": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}},
    "no such state in a catch": {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}],
                "End": True,
            }
        },
    },
    "no such state in a map": {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Map",
                "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}}},
                "End": True,
            }
        },
    },
    "a task without a resource": {"StartAt": "A", "States": {"A": {"Type": "Task", "End": True}}},
    "an unknown type": {"StartAt": "A", "States": {"A": {"Type": "Task!", "End": True}}},
}


@pytest.mark.parametrize("definition", REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_definition_is_refused(cloud: Cloud, workbench: Workbench, definition: Any) -> None:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    client = cloud.client("stepfunctions")
    role = workbench.role("states.amazonaws.com")

    with pytest.raises(ClientError, match="InvalidDefinition"):
        client.create_state_machine(name="refused", definition=text, roleArn=role)


def test_an_update_to_an_invalid_definition_is_refused_and_changes_nothing(cloud: Cloud, workbench: Workbench) -> None:
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": passing()}})

    with pytest.raises(ClientError, match="InvalidDefinition"):
        cloud.client("stepfunctions").update_state_machine(stateMachineArn=machine, definition="{}")
    assert workbench.finished(workbench.start(machine, {"n": 1}))["output"] == {"n": 1}


def test_waits_run_on_the_scaled_clock_and_timestamps_agree(workbench: Workbench) -> None:
    seen = {"Parameters": {"at.$": "$$.State.EnteredTime", "start.$": "$$.Execution.StartTime"}}
    execution = workbench.run(
        {
            "StartAt": "Sleep",
            "States": {"Sleep": {"Type": "Wait", "SecondsPath": "$.s", "Next": "Look"}, "Look": passing(**seen)},
        },
        {"s": 600},
    )

    entered, started = (datetime.fromisoformat(execution["output"][key]) for key in ("at", "start"))
    assert 600 <= (entered - started).total_seconds() < 1800
    assert execution["startDate"].astimezone(UTC) == started
    assert execution["output"]["at"].endswith("Z")


def test_a_wait_until_a_timestamp_ends_at_that_service_time(workbench: Workbench) -> None:
    first = workbench.run({"StartAt": "A", "States": {"A": passing(Parameters={"now.$": "$$.State.EnteredTime"})}})
    until = datetime.fromisoformat(first["output"]["now"]).timestamp() + 900
    execution = workbench.run(
        {"StartAt": "A", "States": {"A": {"Type": "Wait", "TimestampPath": "$.until", "End": True}}},
        {"until": datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
    )

    assert until - 1 <= execution["stopDate"].timestamp() < until + 600


def test_the_history_is_readable_while_the_execution_runs(workbench: Workbench) -> None:
    sleep = {"Type": "Wait", "Seconds": 86400, "End": True}
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": sleep}})
    execution = workbench.start(machine)

    types = eventually(lambda: [event["type"] for event in workbench.history(execution)][3:])

    assert types == ["WaitStateEntered"]


def test_a_stopped_execution_is_aborted_at_once_with_error_and_cause(cloud: Cloud, workbench: Workbench) -> None:
    slow = workbench.function("import time\ndef handler(event, context): time.sleep(3)", Timeout=10)
    task = {"Type": "Task", "Resource": slow, "End": True}
    machine = workbench.state_machine({"StartAt": "A", "States": {"A": task}})
    client = cloud.client("stepfunctions")
    execution = workbench.start(machine)
    eventually(lambda: "LambdaFunctionStarted" in [event["type"] for event in workbench.history(execution)])

    client.stop_execution(executionArn=execution, error="Stopped", cause="by hand")

    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Stopped", "by hand")
    last = workbench.history(execution)[-1]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"] == {"error": "Stopped", "cause": "by hand"}


def test_starting_the_same_name_and_input_again_is_the_same_start(cloud: Cloud, workbench: Workbench) -> None:
    sleep = {"Type": "Wait", "Seconds": 86400, "End": True}
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


def asking(function_arn: str) -> Definition:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function_arn, "Payload": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": 600,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.late", "Next": "Late"}],
        "End": True,
    }


def test_a_task_token_brings_the_answer(workbench: Workbench) -> None:
    ask = asking(workbench.function(ASKS, SEND_SUCCESS, Timeout=20))
    execution = workbench.run({"StartAt": "Ask", "States": {"Ask": ask, "Late": passing(Result="late")}})

    assert execution["output"] == {"answer": "yes"}


def test_a_task_token_that_nobody_answers_times_out_in_service_time(workbench: Workbench) -> None:
    ask = asking(workbench.function("def handler(event, context): return None"))
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


def test_an_execution_that_succeeded_cannot_be_redriven(cloud: Cloud, workbench: Workbench) -> None:
    done = workbench.run({"StartAt": "A", "States": {"A": passing()}})

    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        cloud.client("stepfunctions").redrive_execution(executionArn=done["executionArn"])
