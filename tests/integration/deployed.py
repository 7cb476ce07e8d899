"""A deployed stack whose runs are planned, train, evaluate and end, for tests of what is done after them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from finetune.aws import customization, endpoints, mail, runs, serving, sweep
from finetune.aws.clean_up import CleanUp
from finetune.contracts import (
    CleanUpRunInput,
    CleanUpRunOutput,
    SelectModelOutput,
    StartCustomizationInput,
    SweepEndpointsOutput,
)
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.environment import CustomizationEnvironment, SweepEnvironment
from finetune.letter import Mail
from finetune.parts import Endpoint
from finetune.run import Champion, DatasetDropped, Run
from finetune.settings import Settings
from tests.evaluating import Bucket, items, prepared
from tests.integration.fakes import STACK, MemoryBucket, MemoryExecutions, MemoryTopic, Stack

ENVIRONMENT = SweepEnvironment(
    STACK_NAME=STACK, ARTIFACT_BUCKET="artifacts", TOPIC_ARN="topic", STATE_MACHINE_ARN="machine"
)
TRAINED_BY = CustomizationEnvironment(
    STACK_NAME=STACK, CUSTOMIZATION_ROLE_ARN="arn:aws:iam::123456789012:role/customization", MODEL_KMS_KEY_ARN=""
)
STOPPED, LATE = "Run stopped: shop", "Run failed (States.Timeout): shop"


@dataclass
class Deployed:
    """The stack with its bucket, topic and executions."""

    stack: Stack
    bucket: MemoryBucket
    executions: MemoryExecutions
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    dropped: int = 0

    @property
    def s3(self) -> Any:
        return cast("Any", self.bucket)

    def planned(self, *, plan: bool = True) -> Run:
        """A run whose execution has claimed it and, unless told otherwise, planned it."""
        self.dropped += 1
        arn = f"arn:aws:states:us-east-1:123456789012:execution:{STACK}:{self.dropped}"
        dropped = {
            "bucket": "datasets",
            "key": "incoming/shop/a.jsonl",
            "version_id": f"v{self.dropped}",
            "event_time": "2026-11-21T12:00:00Z",
        }
        self.executions.statuses[arn] = "RUNNING"
        self.executions.more[arn] = {"input": json.dumps(dropped)}
        run = runs.identify(DatasetDropped.model_validate(dropped), artifact_bucket="artifacts", execution_arn=arn)
        assert runs.claim(self.s3, run)
        settings = Settings()
        return runs.plan(self.s3, run, settings, base_model(settings.base_model), self.champion) if plan else run

    @property
    def champion(self) -> Champion | None:
        """The model in service as a contestant."""
        return serving.champion(self.stack.emulator.control, self.stack.ssm, STACK, "shop")

    def training(self, run: Run) -> str:
        """Start the run's job; its name."""
        self.stack.emulator.s3.objects["artifacts/training"] = RECORDS
        request = StartCustomizationInput(
            run=run, prepared=prepared(items(1), Bucket(), run), candidate=run.candidates[0]
        )
        return customization.start_job(self.stack.emulator.control, request, TRAINED_BY).job_name

    def evaluating(self, run: Run, *, minutes: float = 30) -> Endpoint:
        """Open the run's endpoint, which is ready after some minutes; its ARN."""
        arn = self.stack.emulator.add_model(f"{run.endpoint_name}-c1", run.settings.base_model)
        model = SelectModelOutput(outcome="trained", reason="", model_arn=arn)
        opened = endpoints.open_endpoint(self.stack.emulator.control, run, model, {"on_demand": RUN_BOUND}, stack=STACK)
        self.stack.clock.advance(minutes)
        return opened

    def ended(self, run: Run, status: str, **more: Any) -> None:
        """Let a run's execution end."""
        self.executions.statuses[run.execution_arn] = status
        self.executions.more[run.execution_arn] |= {"stopDate": self.executions.now} | more

    def end(self, run: Run, status: str, **more: Any) -> CleanUpRunInput:
        """What EventBridge tells of an execution's end."""
        arn = run.execution_arn
        self.ended(run, status, **more)
        told = {"execution_arn": arn, "status": status} | self.executions.more[arn]
        return CleanUpRunInput.model_validate(told)

    @property
    def by(self) -> CleanUp:
        """What Clean Up Run and the sweeper act through."""
        clients: dict[str, Any] = {
            "bedrock": self.stack.emulator.control,
            "ssm": self.stack.ssm,
            "s3": self.s3,
            "sns": self.topic,
            "stepfunctions": self.executions,
        }
        return CleanUp(**clients, environment=ENVIRONMENT)

    def clean_up(self, ended: CleanUpRunInput) -> CleanUpRunOutput:
        return self.by.after(ended)

    def sweep(self) -> SweepEndpointsOutput:
        return sweep.sweep(self.by, ENVIRONMENT)

    def later(self, minutes: float = 7) -> None:
        """Let time pass for all services; after 7 minutes no function of an ended execution can still be going."""
        self.stack.clock.advance(minutes)
        self.executions.now += timedelta(minutes=minutes)
        self.bucket.now += timedelta(minutes=minutes)

    def status_of(self, job: str) -> str:
        found = self.stack.emulator.control.get_model_customization_job(jobIdentifier=job)
        return str(found["status"])


def record(number: int) -> str:
    turns = [("user", f"Where is order {number}?"), ("assistant", f"Order {number} is on its way.")]
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": messages})


RECORDS = "\n".join(map(record, range(20))).encode()


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")


def down() -> None:
    raise refused("ThrottlingException")


def deliver(deployed: Deployed, run: Run, subject: str) -> bool:
    """What Notify does."""
    return mail.deliver(
        deployed.s3,
        cast("Any", deployed.topic),
        bucket="artifacts",
        topic_arn="topic",
        execution_arn=run.execution_arn,
        mail=Mail(subject=subject, body="body"),
    )


def down_once(topic: MemoryTopic) -> Callable[[], None]:
    """SNS refuses one mail and takes the next."""

    def refuse() -> None:
        topic.before = lambda: None
        down()

    return refuse
