"""State machines made at random from a seed, and random answers for the tasks of the pipeline."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.simulation.interpreter import TaskFailed
from tests.simulation.moto_interpreter import Answered
from tests.simulation.small_machines import BUSY, SLOW, Definition, each, passing, task

BAD = TaskFailed("Bad", "why")
ERRORS = [
    "ServiceBusy",
    "Bad",
    "States.Timeout",
    "States.NoChoiceMatched",
    "States.DataLimitExceeded",
    "States.Runtime",
]
FUNCTIONS = ["f", "g", "h"]
# Tasks read only what is there: what moto makes of a missing path in a Task is in the table of differences.
SOUND = ["$", "$.n", "$.text", "$.items", "$$.Execution.Name", "$$.State.RetryCount"]
RISKY = [*SOUND, "$.r", "$.r.n", "$.items[0]", "$.items[7]", "States.Format('{}/{}', $.n, $.text)", "$$.State.Name"]
DEEPEST = 2


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret
        self.named = 0

    def machine(self, depth: int = 0) -> dict[str, Definition]:
        """States of which each leads only to later ones, so that every execution ends."""
        names = [f"S{self.named + index}" for index in range(self.random.randint(1, 5))]
        self.named += len(names)
        states = {}
        for index, name in enumerate(names):
            states[name] = self.state(names[index + 1 :], depth)
        return states

    def state(self, later: list[str], depth: int) -> Definition:
        goes_on = {"Next": self.random.choice(later)} if later and self.random.random() < 0.9 else {}
        makers = [self.passing, self.task, self.task, self.map if depth < DEEPEST else self.task]
        if not goes_on and self.random.random() < 0.4:
            return self.random.choice([{"Type": "Succeed"}, {"Type": "Fail", "Error": "Bad"}, {"Type": "Fail"}])
        if later and self.random.random() < 0.3:
            return self.choice(later)
        return self.random.choice(makers)(goes_on, later, depth)

    def passing(self, goes_on: Definition, _: list[str], __: int) -> Definition:
        made = {"Result": {"n": self.random.randint(0, 3)}} if self.chance() else {"Parameters": self.template(RISKY)}
        if self.random.random() < 0.3:
            return {"Type": "Wait", "Seconds": 1, **(goes_on or {"End": True})}
        return passing(**goes_on, **made, ResultPath=self.result_path())

    def task(self, goes_on: Definition, later: list[str], _: int) -> Definition:
        function = self.random.choice(FUNCTIONS)
        return task(function, Parameters=self.template(SOUND), **self.work(goes_on, later))

    def map(self, goes_on: Definition, later: list[str], depth: int) -> Definition:
        selector = {"n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "text.$": "$.text", "items": [0]}
        return each(self.machine(depth + 1), ItemSelector=selector, **self.work(goes_on, later))

    def work(self, goes_on: Definition, later: list[str]) -> Definition:
        fields = goes_on | {"ResultPath": self.result_path()}
        if self.chance():
            fields["Retry"] = [
                {"ErrorEquals": names, "IntervalSeconds": 1, "MaxAttempts": self.random.randint(0, 2)}
                for names in self.errors()
            ]
        if later and self.chance():
            fields["Catch"] = [
                {
                    "ErrorEquals": names,
                    "Next": self.random.choice(later),
                    "ResultPath": self.random.choice(["$.r", None]),
                }
                for names in self.errors()
            ]
        return fields

    def errors(self) -> list[list[str]]:
        """The names of one to three rules, of which the last may be for all errors."""
        rules = [self.random.sample(ERRORS, self.random.randint(1, 2)) for _ in range(self.random.randint(1, 2))]
        return [*rules, ["States.ALL"]] if self.chance() else rules

    def choice(self, later: list[str]) -> Definition:
        rules = [self.rule() | {"Next": self.random.choice(later)} for _ in range(self.random.randint(1, 3))]
        default = {"Default": self.random.choice(later)} if self.random.random() < 0.8 else {}
        return {"Type": "Choice", "Choices": rules, **default}

    def rule(self, depth: int = 0) -> Definition:
        if depth < DEEPEST and self.random.random() < 0.3:
            name = self.random.choice(["And", "Or", "Not"])
            return {name: self.rule(depth + 1) if name == "Not" else [self.rule(depth + 1) for _ in range(2)]}
        comparison: Definition = self.random.choice(
            [
                {"IsPresent": self.chance()},
                {"IsNumeric": self.chance()},
                {"IsString": self.chance()},
                {"IsBoolean": True},
                {"IsNull": self.chance()},
                {"NumericEquals": 1},
                {"NumericGreaterThan": 1},
                {"NumericLessThanEquals": 2},
                {"NumericLessThanPath": "$.n"},
                {"StringEquals": "text"},
                {"StringEqualsPath": "$.text"},
                {"StringGreaterThan": "s"},
                {"StringMatches": "t*t"},
                {"BooleanEquals": True},
                {"TimestampGreaterThan": "2026-01-01T00:00:00Z"},
            ]
        )
        return {"Variable": self.random.choice(["$.n", "$.text", "$.n", "$.text", "$.r.n"]), **comparison}

    def template(self, paths: list[str]) -> Definition:
        return {f"{key}.$": self.random.choice(paths) for key in "nm"[: self.random.randint(1, 2)]} | {"fixed": [1]}

    def result_path(self) -> str | None:
        return self.random.choice(["$.r", "$.s", "$.s.t", None])

    def chance(self) -> bool:
        return self.random.random() < 0.5


def machine_of(seed: int) -> tuple[Definition, Any, dict[str, Sequence[Any]]]:
    """A machine, its input, and what its tasks answer."""
    maker = _Maker(seed)
    states = maker.machine()
    answers: list[Any] = [BUSY, BAD, SLOW, {"n": 1}, {"n": 2}, {"n": 3}]
    outcomes: dict[str, Sequence[Any]] = {
        name: maker.random.choices(answers, k=maker.random.randint(1, 3)) for name in FUNCTIONS
    }
    event = {"n": maker.random.randint(0, 3), "text": maker.random.choice(["text", "other"]), "items": [1, 2]}
    return {"StartAt": next(iter(states)), "States": states}, event, outcomes


def answers_of_the_pipeline(seed: int) -> dict[str, Sequence[Any]]:
    """What each task of the pipeline answers: now and then an error, and in the end mostly what it should."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    names = [
        "ServiceBusy",
        "Lambda.Unknown",
        "QuotaExceeded",
        "EndpointBusy",
        "EvaluationUnfinished",
        "ChampionChanged",
        "Bad",
    ]
    errors = [TaskFailed(name, "why") for name in names]

    def one(*answers: Any) -> Any:
        return chance.choice(answers)

    def mostly(value: bool) -> bool:
        return chance.random() < 0.93 if value else chance.random() < 0.07

    planned = {
        "first_delivery": mostly(True),
        "candidates": [{"id": n} for n in range(one(1, 2))],
        "settings": {"evaluation": one("required", "optional")},
    }
    # Each task's last answer; those before it are errors, or a wait.
    last: dict[str, Any] = {
        "PlanRun": planned,
        "PlanRematch": planned,
        "ValidateDataset": {"accepted": mostly(True)},
        "PrepareDataset": {
            "within_budget": mostly(True),
            "verdict_possible": mostly(True),
            "earlier": None if mostly(True) else {"run_id": "r"},
            "model": one(None, None, None, {"outcome": "trained"}),
            "shards": [{"n": n} for n in range(one(1, 2))],
            "evaluation_items": one(0, 30, 30),
            "ask": one(None, None, "Why."),
        },
        # An answer to its token, or none.
        "RequestApproval": one(
            *(Answered(outcome) for outcome in ({"by": "ada"}, {"by": "ada"}, TaskFailed("ApprovalRejected", "no"))),
            None,
        ),
        "StartCustomization": {"job": "j"},
        "CheckCustomization": {"status": one("Completed", "Completed", "Failed", "Stalled"), "wait_seconds": 60},
        "SelectModel": {"outcome": one("trained", "trained", "trained", "failed", "silent")},
        "OpenEndpoint": {"name": "e", "kind": one("on_demand", "provisioned")},
        "CheckEndpoint": {"status": one("Ready", "Ready", "Failed"), "wait_seconds": 60, "failure": "Full."},
        "CheckEndpointInService": {"status": one("Ready", "Failed"), "wait_seconds": 60, "failure": "Full."},
        "EvaluateShard": {"answered": 3},
        "JudgeEvaluation": {
            "decision": one("promote", "promote", "keep"),
            "provision": one(True, False),
            "ask": one(None, "Why."),
        },
        "ProvisionThroughput": {"name": "t"},
        "PromoteModel": {"model": "m"},
        "ReleaseEndpoint": {"promotion": None},
        "Notify": {"error": "Outcome", "cause": "The mail says why."},
    }
    waits: dict[str, Any] = {
        "CheckCustomization": {"status": one("InProgress", "Stopping"), "wait_seconds": 60},
        "CheckEndpoint": {"status": "Creating", "wait_seconds": 60},
        "CheckEndpointInService": {"status": "Creating", "wait_seconds": 60},
    }
    without_mail = chance.random() < 0.3
    outcomes: dict[str, Sequence[Any]] = {"Notify": [BAD if without_mail else last.pop("Notify")]}
    for name, answer in last.items():
        earlier: list[Any] = [waits[name]] if name in waits and mostly(True) else []
        if chance.random() < 0.15:
            earlier.append(chance.choice([BUSY, BUSY, *errors]))
        if (
            not without_mail and chance.random() < 0.1
        ):  # a Fail state that passes this on is in the table of differences
            earlier.append(SLOW)
        end: Any = chance.choice(errors) if chance.random() < 0.07 else answer
        outcomes.setdefault(name, [*earlier, end])
    # What is published without the run's knowledge has been evaluated, so everything before it went well.
    after = {"PromoteModel", "PlanRematch", "ReleaseEndpoint", "Notify"}
    before = [each for name, ends in outcomes.items() if name not in after for each in ends]
    promoting = last["JudgeEvaluation"]["decision"] == "promote" and last["CheckEndpoint"]["status"] == "Ready"
    evaluating = last["SelectModel"]["outcome"] == "trained" and last["PrepareDataset"]["evaluation_items"]
    if (
        promoting
        and evaluating
        and last["CheckEndpointInService"]["status"] == "Ready"
        and not any(isinstance(end, TaskFailed) and end is not BUSY for end in before)
    ):
        outcomes["PromoteModel"] = [chance.choice(errors)]
        outcomes["ReleaseEndpoint"] = [{"promotion": chance.choice([None, {"model": "m"}])}]
    return outcomes
