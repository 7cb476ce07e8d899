"""The contract suite: small state machines and what AWS does with each."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from tests.local.conftest import Workbench, passing

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
