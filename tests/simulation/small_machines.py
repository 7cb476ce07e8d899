"""Small state machines: states, input and answers of the tasks; and where moto's interpreter is not as AWS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.local.test_state_machines import CASES
from tests.simulation.interpreter import TaskFailed
from tests.simulation.moto_interpreter import Answered

type Definition = dict[str, Any]

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
WAITING = "arn:aws:states:::lambda:invoke.waitForTaskToken"
LONG = 90_000_000  # seconds in which an answer arrives, however busy the machine
# Seconds after which a question is over that nobody answers; what comes before that has to come first.
UNANSWERED = 2_000_000
BUSY = TaskFailed("ServiceBusy", "later")
SLOW = TaskFailed("States.Timeout")


def task(function: str = "f", **fields: Any) -> Definition:
    return {"Type": "Task", "Resource": FUNCTION + function, **({} if "Next" in fields else {"End": True}), **fields}


def asking(**fields: Any) -> Definition:
    parameters = {"FunctionName": f"{FUNCTION}f", "Payload": {"token.$": "$$.Task.Token", "x.$": "$.x"}}
    return task(**{"Parameters": parameters, "TimeoutSeconds": LONG, **fields}) | {"Resource": WAITING}


def passing(**fields: Any) -> Definition:
    return {"Type": "Pass", **({} if "Next" in fields else {"End": True}), **fields}


def each(body: Definition, **fields: Any) -> Definition:
    processor = {"StartAt": next(iter(body)), "States": body}
    ends = {} if "Next" in fields else {"End": True}
    return {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemProcessor": processor, **ends, **fields}


def caught(error: str, **fields: Any) -> list[Definition]:
    return [{"ErrorEquals": [error], "Next": "Caught", **fields}]


def retried(*errors: str, **fields: Any) -> Definition:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 1, **fields}


SMALL: dict[str, tuple[Definition, Any, dict[str, Sequence[Any]]]] = {
    "a task": ({"A": task()}, {}, {"f": [{"n": 1}]}),
    "filters of a task": (
        {
            "A": task(
                InputPath="$.in",
                Parameters={"x.$": "$.x", "deep": [{"y.$": "$.x"}, 1]},
                ResultSelector={"m.$": "$.n"},
                ResultPath="$.a.b",
                OutputPath="$.a",
            )
        },
        {"in": {"x": 1}, "a": {"c": 2}},
        {"f": [{"n": 1}]},
    ),
    "a token that is answered": (
        {"A": asking(ResultSelector={"m.$": "$.n"}, ResultPath="$.r")},
        {"x": 1},
        {"f": [Answered({"n": 1})]},
    ),
    "a token that is refused": (
        {"A": asking(Catch=caught("Rejected", ResultPath="$.e")), "Caught": passing()},
        {"x": 1},
        {"f": [Answered(TaskFailed("Rejected", "by somebody"))]},
    ),
    "a token that nobody answers": (
        {
            "A": asking(TimeoutSeconds=UNANSWERED, Catch=caught("States.Timeout", ResultPath="$.e")),
            "Caught": passing(InputPath="$.x"),
        },
        {"x": 1},
        {"f": [{"n": 1}]},
    ),
    "a token whose function fails and is tried again": (
        {"A": asking(Retry=[retried("ServiceBusy")])},
        {"x": 1},
        {"f": [BUSY, Answered({"n": 1})]},
    ),
    "null filters": ({"A": passing(InputPath=None, Next="B"), "B": passing(OutputPath=None)}, {"x": 1}, {}),
    "a result before parameters": ({"A": passing(Parameters={"x": 1}, Result={"y": 2}, ResultPath="$.r")}, {}, {}),
    "a task that is retried": ({"A": task(Retry=[retried("ServiceBusy")])}, {}, {"f": [BUSY, BUSY, {}]}),
    "a retrier that is used up": (
        {"A": task(Retry=[retried("ServiceBusy", MaxAttempts=1), retried("States.ALL")]), "Caught": passing()},
        {},
        {"f": [BUSY]},
    ),
    "retriers count by themselves": (
        {"A": task(Retry=[retried("ServiceBusy", MaxAttempts=2), retried("Bad", MaxAttempts=2)])},
        {},
        {"f": [BUSY, TaskFailed("Bad"), BUSY, TaskFailed("Bad"), {}]},
    ),
    "no attempts at all": ({"A": task(Retry=[retried("States.ALL", MaxAttempts=0)])}, {}, {"f": [BUSY]}),
    "a retry count": (
        {"A": task(Parameters={"n.$": "$$.State.RetryCount"}, Retry=[retried("States.ALL")])},
        {},
        {"f": [BUSY]},
    ),
    "a catcher keeps the input": (
        {"A": task(InputPath="$.x", Catch=caught("ServiceBusy", ResultPath="$.e")), "Caught": passing()},
        {"x": {"y": 1}},
        {"f": [BUSY]},
    ),
    "a catcher and an output path": (
        {"A": task(OutputPath="$.x", Catch=caught("States.ALL", ResultPath="$.e")), "Caught": passing()},
        {"x": 1},
        {"f": [BUSY]},
    ),
    "a catcher that discards": (
        {"A": task(Catch=caught("States.ALL", ResultPath=None)), "Caught": passing()},
        {"x": 1},
        {"f": [BUSY]},
    ),
    "a timeout that all catches": (
        {"A": task(TimeoutSeconds=5, Catch=caught("States.ALL")), "Caught": passing(Parameters={"e.$": "$.Error"})},
        {},
        {"f": [SLOW]},
    ),
    "a timeout that is no failed task": (
        {"A": task(TimeoutSeconds=5, Catch=caught("States.TaskFailed")), "Caught": passing()},
        {},
        {"f": [SLOW]},
    ),
    "a failed task": (
        {"A": task(Catch=caught("States.TaskFailed", ResultPath="$.e")), "Caught": passing()},
        {},
        {"f": [BUSY]},
    ),
    "a task without its parameters": ({"A": task(Parameters={"x.$": "$.x"})}, {}, {"f": [{}]}),
    "a map without items": ({"A": each({"B": passing()})}, {"items": []}, {}),
    "a map of what is no array": ({"A": each({"B": passing()})}, {"items": 3}, {}),
    "a map without its items": ({"A": each({"B": passing()})}, {}, {}),
    "a map that is retried": (
        {"A": each({"B": task(Retry=[retried("Bad")])}, Retry=[retried("ServiceBusy", MaxAttempts=1)])},
        {"items": [1, 2]},
        {"f": [TaskFailed("Bad"), BUSY, {"n": 1}]},
    ),
    "a map that fails": ({"A": each({"B": task()})}, {"items": [1, 2]}, {"f": [BUSY]}),
    "a map in a map": (
        {"A": each({"B": each({"C": passing()}, ItemSelector={"v.$": "$$.Map.Item.Value"}, ResultPath="$.r")})},
        {"items": [{"items": [1, 2]}, {"items": [3]}]},
        {},
    ),
    "a failed task that a map catches as one": (
        {"A": each({"B": task()}, Catch=caught("States.TaskFailed")), "Caught": passing()},
        {"items": [1]},
        {"f": [BUSY]},
    ),
    "no choice in a map that catches failed tasks": (
        {
            "A": each(
                {
                    "B": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "C"}]},
                    "C": passing(),
                },
                Catch=caught("States.TaskFailed"),
            ),
            "Caught": passing(),
        },
        {"items": [1]},
        {},
    ),
    "a map that selects its result": (
        {"A": each({"B": passing()}, ResultSelector={"first.$": "$[0]"}, ResultPath="$.r")},
        {"items": [1, 2]},
        {},
    ),
    "waits": (
        {
            "A": {"Type": "Wait", "Seconds": 5, "Next": "B"},
            "B": {"Type": "Wait", "SecondsPath": "$.s", "Next": "C"},
            "C": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "OutputPath": "$.s", "End": True},
        },
        {"s": 0},
        {},
    ),
    "a wait for what is no number": ({"A": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}, {"s": "1"}, {}),
    "a fail state": ({"A": {"Type": "Fail", "Error": "Bad", "Cause": "why"}}, {}, {}),
    "a fail state that passes on a name of Step Functions": (
        {"A": {"Type": "Fail", "ErrorPath": "$.Error"}},
        {"Error": "States.Timeout"},
        {},
    ),
    "a nameless fail state": ({"A": {"Type": "Fail"}}, {}, {}),
    "succeed with filters": ({"A": {"Type": "Succeed", "InputPath": "$.x", "OutputPath": "$.y"}}, {"x": {"y": 1}}, {}),
    "an answer that is too long": (
        {"A": task(Catch=caught("States.ALL")), "Caught": passing()},
        {},
        {"f": [{"x": "y" * 270_000}]},
    ),
    "an answer that is too long, caught by name": (
        {"A": task(Catch=caught("States.DataLimitExceeded")), "Caught": passing()},
        {},
        {"f": [{"x": "y" * 270_000}]},
    ),
    "intrinsic functions": (
        {
            "A": passing(
                Parameters={
                    "a.$": "States.Array(1, 'its', $.n, true)",
                    "b.$": "States.ArrayGetItem($.l, 1)",
                    "c.$": "States.JsonToString($.l)",
                    "d.$": "States.StringToJson($.j)",
                    "e.$": "States.Format('{} and {}: {}', $.n, States.ArrayLength($.l), 'x')",
                    "f.$": "States.MathAdd($.n, -1)",
                }
            )
        },
        {"n": 1, "l": [1, {"a": 2}], "j": '{"a": [1]}'},
        {},
    ),
    "a null in a call": ({"A": passing(Parameters={"a.$": "States.Array(null)"})}, {}, {}),
    "a quote in a text": ({"A": passing(Parameters={"a.$": "States.Format('it\\'s {}', $.n)"})}, {"n": 1}, {}),
    "a format of a missing path": ({"A": passing(Parameters={"a.$": "States.Format('{}', $.n)"})}, {}, {}),
    "an error within a result selector": ({"A": task(ResultSelector={"x.$": "$.x"})}, {}, {"f": [{}]}),
    "a result path in a text": ({"A": task(ResultPath="$.x")}, "text", {"f": [{}]}),
    "branches at once": (
        {
            "A": {
                "Type": "Parallel",
                "Branches": [{"StartAt": n, "States": {n: passing(Result=n)}} for n in ("B", "C")],
                "ResultPath": "$.r",
                "End": True,
            }
        },
        {},
        {},
    ),
    "iterations at once": (
        {"A": each({"B": task(Retry=[retried("States.ALL")], Next="C"), "C": passing()}, MaxConcurrency=3)},
        {"items": [1, 2, 3, 4]},
        {"f": [BUSY, {"n": 1}]},
    ),
}
NOT_COMPARED = {
    "an_execution_past_its_timeout_ends_as_timed_out",  # the timeout of a machine is what the hooks raise
    "a_branch_that_fails_ends_the_others",  # how far the other branch comes is open in moto's threads
}
for case in CASES:
    if case.name not in NOT_COMPARED:
        SMALL[f"contract: {case.name}"] = (case.states, case.event, {})

UNNAMED = (
    "moto calls an error of a Task's own paths Exception, so that States.ALL catches it; AWS calls it States.Runtime."
)
# Where moto's interpreter, as the local cloud corrects it, is not as AWS, and why.
DIFFERENT: dict[str, str] = {
    "a task without its parameters": UNNAMED,
    "an error within a result selector": UNNAMED,
    "a result path in a text": UNNAMED,
    "a map of what is no array": "moto names the error of JSONata, States.QueryEvaluationError.",
    "a map without its items": "moto tells MapStateFailed of a Map that never began.",
    "no choice in a map that catches failed tasks": "States.TaskFailed matches every error but States.Timeout.",
    "a quote in a text": "moto cannot read an escaped quote.",
    "a fail state that passes on a name of Step Functions": "moto refuses the name while it runs.",
    "a null in a call": "moto leaves out an argument that is null.",
}
