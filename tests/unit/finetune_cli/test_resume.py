"""`finetune resume` against a stack in memory: what it starts, and what it says when there is nothing to go on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from finetune.aws import clients, runs
from finetune.aws.publication import Published
from finetune.domain.catalog import base_model
from finetune.run import DatasetDropped, Run
from finetune.settings import Settings
from tests.command import answered, finetune
from tests.integration.fakes import MemorySsm
from tests.integration.test_starts import MACHINE, MemoryMachine

NOBODY = "20260101-000000-00000000"


class OneStack:
    """A stack that exists and tells its outputs."""

    meta = SimpleNamespace(region_name="us-east-1")

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        told = {"ArtifactBucketName": "artifacts", "StateMachineArn": MACHINE}
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told.items()]}]}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run that was planned and whose execution is over."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in ("artifacts", "datasets"):
            s3.create_bucket(Bucket=bucket)
        for name in ("cloudformation", "bedrock", "bedrock_runtime", "ssm"):
            monkeypatch.setattr(clients, name, OneStack)
        machine, ssm = MemoryMachine(), MemorySsm()
        monkeypatch.setattr(clients, "s3", lambda: s3)
        monkeypatch.setattr(clients, "ssm", lambda: ssm)
        monkeypatch.setattr(clients, "stepfunctions", lambda: machine)
        dropped = DatasetDropped.model_validate(
            {
                "bucket": "datasets",
                "key": "incoming/shop/a.jsonl",
                "version_id": "v1",
                "event_time": "2026-11-21T09:14:31Z",
            }
        )
        found = runs.identify(dropped, artifact_bucket="artifacts", execution_arn="arn:over")
        assert runs.claim(s3, found)
        yield runs.plan(s3, found, Settings(), base_model(Settings().base_model), None)


def test_an_execution_is_started_and_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("resume", run.run_id) == 0
    said = capsys.readouterr().out
    machine: Any = clients.stepfunctions()
    [(name, text)] = machine.inputs.items()
    assert json.loads(text)["resume"] == run.run_id
    assert f"goes on with the model of run {run.run_id} of shop" in said
    assert name in said


def test_a_program_reads_the_run_and_the_execution(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("resume", run.run_id, "--project", "shop", "--json") == 0
    told = answered(capsys)
    assert (told["project"], told["resumes"]) == ("shop", run.run_id)
    assert told["execution"].endswith(f"shop-{told['run']}")


def test_where_there_is_nothing_to_go_on_with_the_answer_is_no_with_the_reason(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    del run
    assert finetune("resume", NOBODY) == 1
    assert capsys.readouterr() == ("", f"finetune: No project has a run {NOBODY} that was planned.\n")


def test_a_run_whose_model_is_in_service_is_not_gone_on_with(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    published = Published(
        endpoint_arn="arn:endpoint",
        endpoint_name="shop",
        kind="on_demand",
        base_model=run.settings.base_model,
        model_arn="arn:model",
        run_id=run.run_id,
        since=datetime(2026, 11, 21, tzinfo=UTC),
    )
    ssm: Any = clients.ssm()
    ssm.values["/finetune/shop/endpoint"] = published.model_dump_json()
    assert finetune("resume", run.run_id) == 1
    assert "has put its model into service; there is nothing to go on with" in capsys.readouterr().err
    machine: Any = clients.stepfunctions()
    assert not machine.inputs
