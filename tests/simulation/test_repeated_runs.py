"""Whatever ends a run after its training, the run that resumes it trains nothing and comes to the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tests.simulation import checker
from tests.simulation.explorer import points
from tests.simulation.faults import Fault
from tests.simulation.points import Point
from tests.simulation.scenarios import GOOD, LIMIT, PROVISIONED, SCENARIOS, dataset, evaluation, run_until_ended
from tests.simulation.world import World, simulated
from tests.template import DATASETS

SCENARIO = SCENARIOS["then_resumed"]
# The first state and the first function that have what was trained, and the last ones of a run.
FIRST, LAST = {"state": "Select Model", "invoke": "SelectModel"}, {"state": "Model Promoted", "invoke": "Notify"}


@cache
def after_training(at: str) -> dict[str, int]:
    """Each state, or each function, that the first run meets once its model is trained, with its number."""
    found: dict[str, int] = {}
    for point in _of_first_run(at):
        found.setdefault(point.what, point.number)
    return found


def _of_first_run(at: str) -> Iterator[Point]:
    begun = False
    for point in points(SCENARIO.name):
        begun = begun or (point.at, point.what) == (at, FIRST[at])
        if begun and point.at == at and point.what not in {"CleanUpRun", "SweepEndpoints"}:
            yield point
        if begun and (point.at, point.what) == (at, LAST[at]):
            return


def ended(fault: Fault) -> tuple[list[str], int, list[str]]:
    """How the two runs ended, how many jobs there were, and what was mailed, once all promises were looked at."""
    with simulated(job_minutes=SCENARIO.job_minutes) as world:
        SCENARIO.before(world)
        world.mark()
        SCENARIO.begin(world)
        world.faults.waiting.append(fault)
        assert checker.settled(world) == []
        assert resumed_runs_train_nothing(world)
        mails = [mail.subject for mail in world.topic.mails]
        return [each.states[-1] for each in world.executions], len(world.bedrock.state.jobs), mails


def resumed_runs_train_nothing(world: World) -> bool:
    [_, resumed] = world.executions
    return "Train Candidates" not in resumed.states and resumed.status == "SUCCEEDED"


def holds(fault: Fault, *, published: bool = False) -> None:
    (_, last), jobs, mails = ended(fault)
    assert jobs == 1
    assert sum(mail.startswith("Model promoted") for mail in mails) == 1
    # Where the first run had put its model into service before it was ended, nothing is left to do.
    assert last == ("Nothing New" if published else "Model Promoted")
    assert len(mails) == 2


STATES = (
    "Select Model",
    "Training Passed?",
    "Open Endpoint",
    "Check Endpoint",
    "Endpoint Ready?",
    "Wait For Endpoint",
    "Evaluate Shards",
    "Evaluate Shard",
    "Judge Evaluation",
    "Promote?",
    "Keep Evaluated Endpoint",
    "Promote Model",
    "Release Endpoint",
    "Which Outcome?",
    "Notify Model Promoted",
)
TASKS = ("SelectModel", "OpenEndpoint", "CheckEndpoint", "EvaluateShard", "JudgeEvaluation", "PromoteModel")


def test_these_are_the_states_of_a_run_after_its_training() -> None:
    assert set(after_training("state")) == {*STATES, "Model Promoted"}
    assert set(after_training("invoke")) == {*TASKS, "ReleaseEndpoint", "Notify"}


@pytest.mark.parametrize("what", ["abort", "time-out"])
@pytest.mark.parametrize("state", STATES)
def test_a_run_that_is_ended_in_any_state_after_its_training_is_gone_on_with(state: str, what: str) -> None:
    published = state in STATES[STATES.index("Release Endpoint") :]
    holds(Fault("state", after_training("state")[state], what), published=published)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_whose_task_fails_after_its_training_is_gone_on_with(task: str) -> None:
    holds(Fault("invoke", after_training("invoke")[task], "Lambda.Unknown", "thrice"))


def test_what_nobody_agreed_to_serve_is_not_trained_until_the_settings_agree() -> None:
    with simulated() as world:
        for settings in (f"deployment: provisioned\n{LIMIT}", PROVISIONED):
            world.s3.put(DATASETS, "projects/stations/evaluation.jsonl", evaluation())
            world.s3.put(DATASETS, "projects/stations/settings.yaml", settings.encode())
            world.drop("stations", dataset(*GOOD), "dataset.jsonl")
            run_until_ended(world)
        assert [each.states[-1] for each in world.executions] == ["Budget Exceeded", "Model Promoted"]
        assert len(world.bedrock.state.jobs) == 1
