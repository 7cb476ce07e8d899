"""Watching one execution from outside: its history, its job, its endpoint, its answers."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from finetune.contracts import PrepareDatasetOutput
from finetune.domain.customization.jobs import phase_of
from finetune.parts import Endpoint
from finetune.run import Run
from finetune_cli.history import Event, Row, rows
from local.clock import Timeline
from local.session import Session

POLL_SECONDS = 0.3
START_SECONDS = 900.0  # a last resort: the event of a drop arrives within a second
# The states in which a run waits for a person.
ASKING = {"Request Approval", "Request Approval For Service"}
# A fault of these is meant for the run; the watcher's own questions would suffer it in the run's place.
ASKED = ("get-job", "get-deployment", "get-throughput")


class NotStartedError(RuntimeError):
    """Dropping the dataset started no execution."""


@dataclass(frozen=True)
class Activity:
    """One activity of Bedrock; `done` of `total` where it can be counted."""

    name: str
    state: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class View:
    """An execution at one moment; times are service time."""

    description: Mapping[str, Any]
    events: list[Event]
    rows: list[Row]
    activities: list[Activity]
    timeline: Timeline

    @property
    def status(self) -> str:
        return str(self.description["status"])

    @property
    def run(self) -> Run | None:
        """The run as planned; None before it is, and when it never was."""
        planned = known(self.rows).get("run")
        return Run.model_validate(planned) if planned else None

    @property
    def now(self) -> datetime:
        """When the execution ended; the present until then."""
        stopped: datetime | None = self.description.get("stopDate")
        return stopped or self.timeline.now

    @property
    def seconds(self) -> float:
        """Service seconds since the execution started."""
        return float((self.now - self.description["startDate"]).total_seconds())

    @property
    def real_seconds(self) -> float:
        """Real seconds since the execution started."""
        return self.timeline.real(self.now) - self.timeline.real(self.description["startDate"])


def known(table: list[Row]) -> dict[str, Any]:
    """Every key that the states outside of Maps have added so far."""
    return {key: value for row in table if row.inside is None for key, value in row.output.items()}


def execution_of_drop(session: Session) -> str:
    """The ARN of the execution that a drop started; NotStartedError when none appears in time."""
    states = session.cloud.client("stepfunctions")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        started = states.list_executions(stateMachineArn=session.outputs["StateMachineArn"])["executions"]
        if started:
            return str(started[-1]["executionArn"])
        time.sleep(0.05)
    raise NotStartedError(f"No execution started within {START_SECONDS:.0f} s of dropping the dataset.")


def watch(session: Session, execution_arn: str) -> Iterator[View]:
    """The execution a few times a second; the last view is of its end."""
    watcher = _Watcher(session, execution_arn)
    while True:
        view = watcher.look()
        yield view
        if view.status != "RUNNING":
            return
        time.sleep(POLL_SECONDS)


class _Watcher:
    def __init__(self, session: Session, execution_arn: str) -> None:
        self._states = session.cloud.client("stepfunctions")
        self._bedrock = session.cloud.client("bedrock")
        self._s3 = session.cloud.client("s3")
        self._emulator = session.bedrock
        self._arn = execution_arn

    def look(self) -> View:
        description = self._states.describe_execution(executionArn=self._arn)
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=self._arn)
        events = [event for page in pages for event in page["events"]]
        table = rows(events)
        return View(description, events, table, list(self._activities(table)), self._emulator.timeline())

    def _activities(self, table: list[Row]) -> Iterator[Activity]:
        """What the states that are running wait for; an answer that cannot be had now is shown next time."""
        running = {row.name for row in table if row.status == "running"}
        facts = known(table)
        may_ask = not any(name in fault for fault in self._emulator.pending_faults() for name in ASKED)
        try:
            if may_ask and "run" in facts and "Train Candidates" in running:
                yield from self._jobs(Run.model_validate(facts["run"]))
            if may_ask and "endpoint" in facts and running & {"Check Endpoint", "Wait For Endpoint"}:
                yield self._endpoint(Endpoint.model_validate(facts["endpoint"]))
            if may_ask and "throughput" in facts and running & {"Check Endpoint In Service", "Wait For Throughput"}:
                yield self._endpoint(Endpoint.model_validate(facts["throughput"]))
            if running & ASKING:
                yield Activity("approval", "waits for a person; the mail has the two commands that answer")
            if "Evaluate Shards" in running:
                prepared = PrepareDatasetOutput.model_validate(facts["prepared"])
                yield self._evaluation(Run.model_validate(facts["run"]), prepared)
        except (ClientError, BotoCoreError):
            return

    def _jobs(self, run: Run) -> Iterator[Activity]:
        for candidate in run.candidates:
            job = self._bedrock.get_model_customization_job(jobIdentifier=candidate.name)
            state = phase_of(job.get("statusDetails", {})) if job["status"] == "InProgress" else job["status"]
            name = "job" if len(run.candidates) == 1 else f"job {candidate.index}"
            yield Activity(name, ", ".join([state, *losses(job)]))

    def _endpoint(self, endpoint: Endpoint) -> Activity:
        if endpoint.kind == "on_demand":
            found = self._bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=endpoint.arn)
        else:
            found = self._bedrock.get_provisioned_model_throughput(provisionedModelId=endpoint.arn)
        return Activity("endpoint", f"{endpoint.kind.replace('_', ' ')}, {found['status']}")

    def _evaluation(self, run: Run, prepared: PrepareDatasetOutput) -> Activity:
        """Answers by the files that hold them: one per contestant and shard."""
        bucket, _, folder = run.uri("answers/").removeprefix("s3://").partition("/")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        files = [entry["Key"].removeprefix(folder).split("/") for page in pages for entry in page.get("Contents", [])]
        sizes = {f"{shard.index:03}.jsonl": shard.count for shard in prepared.shards}
        contestants = 3 if run.champion else 2
        done, total = sum(sizes.get(name, 0) for _, name in files), prepared.evaluation_items * contestants
        return Activity("evaluation", f"{done} of {total} answers", done, total)


def losses(job: Mapping[str, Any]) -> Iterator[str]:
    """The losses that GetModelCustomizationJob returns, in words; a job has them when it has ended."""
    if "trainingMetrics" in job:
        yield f"training loss {job['trainingMetrics']['trainingLoss']:.3f}"
    for metric in job.get("validationMetrics", []):
        yield f"validation loss {metric['validationLoss']:.3f}"
