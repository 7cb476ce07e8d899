"""A run is found by its id and gone on with under the next free attempt, once nothing about it goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from finetune.aws import resuming, runs
from finetune.domain.catalog import base_model
from finetune.errors import NothingToResume
from finetune.run import DatasetDropped, Run
from finetune.settings import Settings
from tests.integration.fakes import MemoryExecutions
from tests.integration.test_starts import MACHINE, MemoryMachine

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DROPPED = {
    "bucket": "datasets",
    "key": "incoming/shop/a.jsonl",
    "version_id": "v1",
    "event_time": "2026-11-21T09:14:31.250Z",
}


class Machine(MemoryMachine, MemoryExecutions):
    """Executions that can be started and looked at."""

    def __init__(self) -> None:
        MemoryMachine.__init__(self)
        MemoryExecutions.__init__(self)

    describe_execution = MemoryExecutions.describe_execution


def planned(s3: S3Client, **dropped: Any) -> Run:
    """A run of a project that was planned."""
    given = DatasetDropped.model_validate(DROPPED | dropped)
    name = given.key.replace("/", "-") + str(given.attempt)
    run = runs.identify(given, artifact_bucket="artifacts", execution_arn=f"arn:{name}")
    assert runs.claim(s3, run)
    return runs.plan(s3, run, Settings(), base_model(Settings().base_model), None)


def resume(s3: S3Client, machine: Machine, run: Run) -> resuming.Resumed:
    return resuming.resume(cast("Any", machine), s3, run, MACHINE)


def test_a_run_is_found_by_its_id_alone_or_in_its_project(s3: S3Client) -> None:
    run = planned(s3)
    planned(s3, key="incoming/other/b.jsonl")
    for project in (None, "shop"):
        assert resuming.find(s3, "artifacts", run.run_id, project) == run
        assert resuming.find(s3, "artifacts", run.endpoint_name, project) == run


def test_a_run_that_does_not_exist_is_told_by_its_name(s3: S3Client) -> None:
    run = planned(s3)
    with pytest.raises(NothingToResume, match="No project has a run 20260101-000000-00000000"):
        resuming.find(s3, "artifacts", "20260101-000000-00000000", None)
    with pytest.raises(NothingToResume, match=f"Project other has no run {run.run_id}"):
        resuming.find(s3, "artifacts", run.run_id, "other")


def test_the_execution_is_about_the_same_dataset_version_and_names_the_run(s3: S3Client) -> None:
    machine, run = Machine(), planned(s3)
    resumed = resume(s3, machine, run)
    [(name, text)] = machine.inputs.items()
    given = DatasetDropped.model_validate_json(text)
    assert (given.dataset, given.attempt, given.resume) == (run.dataset, 2, run.run_id)
    assert name == f"shop-{resumed.run_id}"
    assert resumed.run_id[:15] == run.run_id[:15]
    assert resumed.run_id != run.run_id
    assert resumed.execution_arn.endswith(name)
    assert json.loads(text)["resume"] == run.run_id


def test_asked_twice_it_starts_one_execution(s3: S3Client) -> None:
    machine, run = Machine(), planned(s3)
    assert resume(s3, machine, run) == resume(s3, machine, run)
    assert len(machine.inputs) == 1


def test_an_attempt_that_was_made_is_not_used_again(s3: S3Client) -> None:
    machine, run = Machine(), planned(s3)
    planned(s3, attempt=2)
    name = f"shop-{resume(s3, machine, run).run_id}"
    machine.ended.add(name)
    resume(s3, machine, run)
    assert [json.loads(text)["attempt"] for text in machine.inputs.values()] == [3, 4]


@pytest.mark.parametrize("attempt", [1, 2])
def test_nothing_is_started_while_the_run_or_a_later_attempt_goes_on(s3: S3Client, attempt: int) -> None:
    machine, run = Machine(), planned(s3)
    going_on = planned(s3, attempt=2) if attempt > 1 else run
    machine.statuses[going_on.execution_arn] = "RUNNING"
    with pytest.raises(NothingToResume, match=f"Run {going_on.run_id} is still going on"):
        resume(s3, machine, run)
    assert not machine.inputs


def test_a_run_that_evaluated_a_model_from_elsewhere_is_not_resumed(s3: S3Client) -> None:
    run = planned(s3).model_copy(update={"evaluate": "arn:model"})
    with pytest.raises(NothingToResume, match="finetune evaluate --model arn:model --project shop"):
        resume(s3, Machine(), run)
