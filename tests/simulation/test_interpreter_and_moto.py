"""The interpreter and moto's, which others wrote, run the same machines; where moto is not as AWS, a table says why."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, zip_longest
from typing import Any

import pytest

from tests.simulation.definitions import Machine
from tests.simulation.interpreter import WAITING, Ended, TaskFailed, run
from tests.simulation.moto_interpreter import PREFIX, Answered, Moto, Outcome, Script, corrected_moto
from tests.simulation.random_machines import answers_of_the_pipeline, machine_of
from tests.simulation.small_machines import DIFFERENT, FUNCTION, LONG, SLOW, SMALL, UNANSWERED
from tools.project import definition, states, substitution, waits_for_token

type Definition = dict[str, Any]

SEEDS = 40
CONTEXT = {"Execution": {"Id": f"{PREFIX}:execution:m:e", "Name": "e", "RedriveCount": 0, "Input": {}}}


class Hooks:
    """Hooks that answer by a script, let no time pass, and run branches one after the other."""

    def __init__(self, script: Script) -> None:
        self.random = random.Random(0)  # noqa: S311  # no secret
        self._script = script
        self._numbers = count()

    def invoke(self, resource: str, payload: Any, timeout_seconds: int | None) -> Any:  # noqa: ARG002
        try:
            return self._script.answer(resource, payload)
        except TaskFailed as failed:
            if failed.error == SLOW.error:
                raise
            told = {"errorType": failed.error, "errorMessage": failed.cause}
            raise TaskFailed(failed.error, json.dumps(told, separators=(",", ":"))) from None

    def token(self) -> str:
        return f"token-{next(self._numbers)}"

    def invoke_and_wait(self, resource: str, payload: Any, timeout_seconds: int | None, token: str) -> Any:
        assert resource.endswith(WAITING)
        assert payload["Payload"]["token"] == token
        answer = self.invoke(payload["FunctionName"], payload["Payload"], timeout_seconds)
        if not isinstance(answer, Answered):
            raise TaskFailed(SLOW.error, "")  # nobody answers the token
        if isinstance(answer.outcome, TaskFailed):
            raise answer.outcome
        return answer.outcome

    def sleep(self, seconds: float) -> None:
        pass

    def gather(self, branches: Sequence[Callable[[], Any]], limit: int) -> list[Any]:  # noqa: ARG002
        return [branch() for branch in branches]

    def entered(self, state: str) -> None:
        pass

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with corrected_moto() as running:
        yield running


def spelled(value: Any) -> str:
    """A value to compare, without the words that AWS puts before a cause and moto in some places only."""
    text = json.dumps(value, sort_keys=True)
    return re.sub(r"An error occurred while executing the state '[^']*' \(entered at the event id #\d+\)\. ", "", text)


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The type of each event, and of its details what both interpreters know.

    That a call returned, after which only its token is waited for, ours does not tell.
    """
    facts = []
    for event in events:
        if event["type"] == "TaskSubmitted":
            continue
        details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("Details")), {})
        known = {key: details[key] for key in ("name", "index", "length", "error") if key in details}
        data = {key: json.loads(details[key]) for key in ("input", "output") if key in details}
        facts.append((event["type"], spelled(known | data)))
    return facts


def steps(events: list[dict[str, Any]]) -> Counter[Any]:
    """Each event with the one before it in its branch: the order within branches, and none between them."""
    facts = told(events)
    events = [event for event in events if event["type"] != "TaskSubmitted"]
    before = {event["id"]: fact for event, fact in zip(events, facts, strict=True)}
    return Counter(
        (None if event["type"].startswith(("Map", "Parallel")) else before.get(event["previousEventId"]), fact)
        for event, fact in zip(events, facts, strict=True)
    )


def both(moto: Moto, machine: Definition, event: Any, outcomes: dict[str, Sequence[Any]]) -> tuple[Ended, Outcome]:
    ours = run(machine, event, Hooks(Script(outcomes)), CONTEXT)
    return ours, moto.run(machine, event, Script(outcomes))


def difference(machine: Definition, ours: Ended, theirs: Outcome) -> Any:
    """What the two do not agree in, None for nothing."""
    ends = [(end.status, spelled(end.output), end.error) for end in (ours, theirs)]
    if ends[0] != ends[1]:
        return ends
    mine = ours.history.records(lambda at: at.isoformat())
    if re.search(r'"MaxConcurrency": [^1]|"Branches"', json.dumps(machine)):
        left, right = steps(mine), steps(theirs.events)
        return None if left == right else (left - right, right - left)
    pairs = zip_longest(told(mine), told(theirs.events))
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


@pytest.mark.parametrize("name", SMALL)
def test_a_small_machine_runs_as_in_moto_but_where_the_table_says_why_not(moto: Moto, name: str) -> None:
    states, event, outcomes = SMALL[name]
    machine = {"StartAt": next(iter(states)), "States": states}
    found = difference(machine, *both(moto, machine, event, outcomes))
    assert (found is not None) == (name in DIFFERENT), found


def test_every_difference_is_that_of_a_machine() -> None:
    assert DIFFERENT.keys() <= SMALL.keys()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_machine_made_at_random_runs_as_in_moto(moto: Moto, seed: int) -> None:
    machine, event, outcomes = machine_of(seed)
    assert difference(machine, *both(moto, machine, event, outcomes)) is None


def one_at_a_time(seconds_to_answer: int) -> Definition:
    """The pipeline's definition with ARNs, and iterations one after the other: so moto's order is certain.

    A question is open for so many seconds, of which moto lets a million pass in one.
    """
    text = json.dumps(definition())
    for _, state in states():
        if state["Type"] == "Task":
            name = substitution(state)
            text = text.replace(f"${{{name}}}", FUNCTION + name.removesuffix("FunctionArn"))
            if waits_for_token(state):
                text = text.replace(
                    f'"TimeoutSeconds": {state["TimeoutSeconds"]}', f'"TimeoutSeconds": {seconds_to_answer}'
                )
        elif state["Type"] == "Map":
            text = text.replace(f'"MaxConcurrency": {state["MaxConcurrency"]}', '"MaxConcurrency": 1')
    pipeline: Definition = json.loads(text)
    del pipeline["TimeoutSeconds"]  # five days pass in half a second here
    # The one function that two states of a run ask, of which each needs answers of its own.
    pipeline["States"]["Check Endpoint In Service"]["Resource"] = FUNCTION + "CheckEndpointInService"
    return pipeline


def test_the_pipeline_with_answers_at_random_runs_as_in_moto_through_every_state(moto: Moto) -> None:
    patient, hasty, unseen = one_at_a_time(LONG), one_at_a_time(UNANSWERED), set(dict(states()))
    machines = Machine.of(patient), Machine.of(hasty)
    for seed in range(4_000):
        unanswered = answers_of_the_pipeline(seed)["RequestApproval"][-1] is None
        pipeline, machine = (hasty, machines[1]) if unanswered else (patient, machines[0])
        ours = run(machine, {}, Hooks(Script(answers_of_the_pipeline(seed))), CONTEXT)
        seen = {event.details["name"] for event in ours.history.events if event.type.endswith("StateEntered")}
        if seen & unseen:
            unseen -= seen
            theirs = moto.run(pipeline, {}, Script(answers_of_the_pipeline(seed)))
            assert difference(pipeline, ours, theirs) is None, f"seed {seed}"
    assert not unseen
