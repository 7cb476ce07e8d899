"""`finetune evaluate` against a stack in memory: what it starts, and which models and projects it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from finetune.aws import clients, runs
from finetune.run import DatasetDropped
from tests.command import answered, finetune
from tests.emulator import ManualClock, running_emulator
from tests.integration.fakes import NOVA, MemorySsm
from tests.integration.test_resuming import Machine
from tests.integration.test_starts import MACHINE
from tests.unit.finetune_cli.test_resume import OneStack

KEY = "projects/shop/evaluation.jsonl"


class Stack(OneStack):
    """A stack that tells both its buckets."""

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        told = {"ArtifactBucketName": "artifacts", "DatasetBucketName": "datasets", "StateMachineArn": MACHINE}
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told.items()]}]}


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A model that was trained elsewhere, beside a project with an evaluation set."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), running_emulator(ManualClock()) as emulator:
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in ("artifacts", "datasets"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="datasets", Key=KEY, Body=b"{}")
        machine, ssm = Machine(), MemorySsm()
        for name, client in (("s3", s3), ("stepfunctions", machine), ("bedrock", emulator.control), ("ssm", ssm)):
            monkeypatch.setattr(clients, name, lambda client=client: client)
        for name in ("cloudformation", "bedrock_runtime"):
            monkeypatch.setattr(clients, name, Stack)
        yield emulator.add_model("by-somebody-else", NOVA).replace(emulator.world.account, MACHINE.split(":")[4])


def inputs() -> list[dict[str, Any]]:
    machine: Any = clients.stepfunctions()
    return [json.loads(text) for text in machine.inputs.values()]


def evaluate(model: str, *more: str, project: str = "shop") -> int:
    return finetune("evaluate", "--model", model, "--project", project, *more)


def test_an_execution_is_started_about_the_model_and_the_evaluation_set(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(model, "--json") == 0
    told, [given] = answered(capsys), inputs()
    assert (given["bucket"], given["key"], given["evaluate"]) == ("datasets", KEY, model)
    assert told["execution"].endswith(f"shop-{told['run']}")
    assert DatasetDropped.model_validate(given).resume is None


def test_an_evaluation_that_goes_on_is_not_started_twice_and_one_that_has_ended_is(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    machine: Any = clients.stepfunctions()
    assert evaluate(model) == 0
    [given] = inputs()
    run = runs.identify(
        DatasetDropped.model_validate(given), artifact_bucket="artifacts", execution_arn="arn:one:first"
    )
    assert runs.claim(clients.s3(), run)
    machine.statuses["arn:one:first"] = "RUNNING"
    assert evaluate(model) == 1
    assert "still going on" in capsys.readouterr().err
    machine.statuses["arn:one:first"] = "FAILED"
    assert evaluate(model) == 0
    assert inputs()[-1]["attempt"] == 2


def test_a_project_without_an_evaluation_set_is_told_where_to_put_it(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(model, project="other") == 1
    assert capsys.readouterr().err == (
        "finetune: Project other has no evaluation set: put one to s3://datasets/projects/other/evaluation.jsonl.\n"
    )


def test_a_model_that_cannot_be_the_projects_starts_nothing(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    clients.s3().put_object(
        Bucket="datasets", Key="projects/shop/settings.yaml", Body=b"base_model: amazon.nova-lite-v1:0:300k\n"
    )
    assert evaluate(model) == 1
    assert "was trained from" in capsys.readouterr().err
    assert inputs() == []


def test_two_models_and_two_versions_of_the_evaluation_set_are_different_runs() -> None:
    given = {"bucket": "datasets", "key": KEY, "version_id": "v1", "event_time": datetime(2026, 11, 21, tzinfo=UTC)}
    ids = {
        runs.identify(DatasetDropped.model_validate(given | more), artifact_bucket="artifacts", execution_arn="").run_id
        for more in ({"evaluate": "a"}, {"evaluate": "b"}, {"evaluate": "a", "version_id": "v2"})
    }
    assert len(ids) == 3
