"""The deployed pipeline as a user meets it: files go in, executions, mails and files come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local.bedrock.admin import Admin
from local.cloud import Cloud, Mail
from tests.waiting import eventually
from tools.project import ROOT

EXAMPLE = ROOT / "examples/shop-assistant"


def entered(events: list[dict[str, Any]]) -> list[str]:
    """The states that a history has entered."""
    return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]


@dataclass(frozen=True)
class Execution:
    """One ended execution."""

    arn: str
    status: str
    error: str | None
    cause: str | None
    output: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def states(self) -> list[str]:
        return entered(self.events)


@dataclass
class Pipeline:
    """A deployed stack with a person's view on it."""

    cloud: Cloud
    outputs: Mapping[str, str]
    admin: Admin = field(init=False)
    # What each execution was started with.
    _inputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.cloud.bedrock_endpoint
        self.admin = Admin(self.cloud.bedrock_endpoint)

    def put(self, key: str, body: bytes) -> str:
        """Put an object into the dataset bucket; its version."""
        answer = self.cloud.client("s3").put_object(Bucket=self.outputs["DatasetBucketName"], Key=key, Body=body)
        return str(answer["VersionId"])

    def configure(
        self, project: str, settings: Mapping[str, Any] | None = None, evaluation: Path | None = None
    ) -> None:
        if settings is not None:
            self.put(f"projects/{project}/settings.yaml", yaml.safe_dump(dict(settings)).encode())
        if evaluation is not None:
            self.put(f"projects/{project}/evaluation.jsonl", evaluation.read_bytes())

    def drop(self, key: str, body: bytes) -> Execution:
        """Drop a dataset and wait for the end of the execution it starts."""
        version = self.put(f"incoming/{key}", body)
        arn = eventually(lambda: self.execution_of(version), f"an execution for incoming/{key}")
        return self.ended(arn)

    def executions(self) -> list[str]:
        machine = self.outputs["StateMachineArn"]
        pages = self.cloud.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=machine)
        return [each["executionArn"] for page in pages for each in page["executions"]]

    def execution_of(self, version: str) -> str | None:
        client = self.cloud.client("stepfunctions")
        for arn in self.executions():
            if arn not in self._inputs:
                self._inputs[arn] = client.describe_execution(executionArn=arn)["input"]
            if version in self._inputs[arn]:
                return arn
        return None

    def ended(self, arn: str) -> Execution:
        """Wait for an execution's end; its status, output and history."""
        client = self.cloud.client("stepfunctions")

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = client.describe_execution(executionArn=arn)
            return found if found["status"] != "RUNNING" else None

        found = eventually(look, f"the end of {arn}")
        return Execution(
            arn=arn,
            status=found["status"],
            error=found.get("error"),
            cause=found.get("cause"),
            output=json.loads(found.get("output") or "{}"),
            events=self.events(arn),
        )

    def events(self, arn: str) -> list[dict[str, Any]]:
        """The history of an execution so far."""
        pages = self.cloud.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [dict(event) for page in pages for event in page["events"]]

    def reached(self, arn: str, state: str) -> None:
        """Wait until an execution enters a state."""
        eventually(lambda: state in entered(self.events(arn)) or None, f"the state {state}")

    def mails(self, execution: Execution) -> list[Mail]:
        """The mails that name an execution, once there is one."""

        def look() -> list[Mail] | None:
            return [mail for mail in self.cloud.mails() if execution.arn in mail.body] or None

        return eventually(look, f"a mail of {execution.arn}")

    def file(self, execution: Execution, name: str) -> bytes:
        """A file of the run's folder."""
        bucket, _, key = f"{execution.output['run']['folder']}/{name}".removeprefix("s3://").partition("/")
        body: bytes = self.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def endpoints_of(self, project: str) -> list[str]:
        """Endpoints that are open and belong to a project."""
        return [
            each.arn
            for each in self.admin.ledger().endpoints
            if each.deleted_at is None and each.tags.get("finetune-project") == project
        ]

    def answering(self, project: str) -> list[str]:
        """Endpoints of a project that serve."""
        endpoints = [each for each in self.admin.ledger().endpoints if each.status in {"Active", "InService", "Ready"}]
        return [each.arn for each in endpoints if each.arn in self.endpoints_of(project)]

    def ready(self) -> list[str]:
        """Every endpoint of the account that serves."""
        return [each.arn for each in self.admin.ledger().endpoints if each.status == "Ready" and not each.deleted_at]

    def close_endpoints(self) -> None:
        """Make room under the account's quotas: delete the endpoints that earlier tests put into service."""
        bedrock = self.cloud.client("bedrock")
        for arn in self.ready():
            if ":provisioned-model/" in arn:
                bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
            else:
                bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)

    def jobs_of(self, project: str) -> list[str]:
        return [job.name for job in self.admin.ledger().jobs if job.name.startswith(f"{project}-")]


def finetune(pipeline: Pipeline, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, with the credentials of the environment and nothing of this machine's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with pipeline.admin.working():  # a rollback that takes three hours of service time counts as given up
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "finetune_cli.main", *arguments],
            cwd=ROOT,
            env={**inherited, "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
            | (environment or pipeline.cloud.environment()),
            capture_output=True,
            text=True,
            check=False,
        )
