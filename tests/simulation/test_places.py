"""Datasets of many projects at once: no model is trained that finds no place for its endpoint."""

from __future__ import annotations

import pytest

from local.bedrock import deployments
from tests.simulation.scenarios import GOOD, SCENARIOS, dataset, evaluation, run_until_ended
from tests.simulation.world import World, simulated
from tests.sizes import sized
from tests.template import ARTIFACTS, DATASETS

PROJECTS, PLACES = sized((5, 2), (20, 10))


def drop_all(world: World) -> None:
    for number in range(PROJECTS):
        world.s3.put(DATASETS, f"projects/p{number}/evaluation.jsonl", evaluation())
        world.drop(f"p{number}", dataset(*GOOD), "dataset.jsonl")


def promoted(world: World) -> int:
    return sum(mail.subject.startswith("Model promoted") for mail in world.topic.mails)


def test_what_finds_no_place_waits_before_its_job_and_goes_on_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployments, "MOST", PLACES)
    with simulated() as world:
        drop_all(world)
        world.clock.run(6 * 3600)
        waiting = [mail.body for mail in world.topic.mails if "so its model is not trained yet" in mail.body]
        assert (promoted(world), len(waiting)) == (PLACES, PROJECTS - PLACES)
        assert len(world.bedrock.state.jobs) == PLACES
        assert "Service Quotas, under Amazon Bedrock: '(Model customization) Custom model deployments" in waiting[0]

        opened = next(iter(world.bedrock.state.deployments.values()))
        del world.bedrock.state.deployments[opened.arn]
        world.clock.run(4 * 3600)
        assert promoted(world) == PLACES + 1
        assert len(world.bedrock.state.jobs) == PLACES + 1
        assert not world.forbidden
        assert not world.defects


def test_a_run_that_goes_on_with_an_earlier_model_takes_a_place_too() -> None:
    with simulated() as world:
        SCENARIOS["resumed"].begin(world)
        run_until_ended(world)
        holders = [world.artifact(name)["execution_arn"] for name in world.s3.keys(ARTIFACTS, "places/")]
        assert holders == [execution.arn for execution in world.executions]
