"""A run that asks a person, with everything in memory, for the tests of the question and of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import orjson
from botocore.exceptions import ClientError

from finetune.aws import approvals, decisions, serving
from finetune.aws.approvals import Asking
from finetune.contracts import DecideInput, DecideOutput, PrepareDatasetOutput, RequestApprovalInput, SelectModelOutput
from finetune.domain.cost import SERVICE
from finetune.domain.customization.jobs import APPROVAL_BOUND
from finetune.environment import NotifyEnvironment
from finetune.run import Run
from tests.emulator import ManualClock, running_emulator
from tests.integration.fakes import STACK, VERDICT, MemoryBucket, MemoryExecutions, MemoryTopic, Stack, until_done

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAe"
ADA, GRACE = "arn:aws:iam::123456789012:user/ada", "arn:aws:iam::123456789012:user/grace"
PAYS = "Throughput of $20.00 an hour pays from 60,000 calls an hour."
WHY = "The estimated cost of the run is $12; budget.approve_above_usd is $10."
PREPARED = PrepareDatasetOutput(
    training_uri="s3://artifacts/t.jsonl",
    validation_uri=None,
    evaluation_uri=None,
    training_records=10,
    validation_records=0,
    evaluation_items=0,
    duplicates=0,
    leaked=0,
    refused_items=0,
    refused_lines=(),
    training_tokens=10,
    estimated_usd=12.0,
    most_usd=15.5,
    bill=("Training: $11.00", "Evaluation: answers: $1.00, at most $4.50", f"{SERVICE}: $14,600.00"),
    within_budget=True,
    budget_reason="",
    shards=(),
    ask=WHY,
)
SETTINGS = "projects/shop/settings.yaml"


class SettingsBucket(MemoryBucket):
    """A bucket in which an object can be found and read by its newest version."""

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        return {"VersionId": "newest", **super().head_object(Bucket=Bucket, Key=Key)}

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803 - S3's own names
        if VersionId:
            return {"Body": _Body(self._found(Bucket, Key)[0])}
        return super().get_object(Bucket=Bucket, Key=Key)


@dataclass
class _Body:
    content: bytes

    def iter_chunks(self, _: int) -> Iterator[bytes]:
        yield self.content


@dataclass
class WaitingStates(MemoryExecutions):
    """Executions whose states wait for tokens; `sent` are the answers that had an effect.

    `lost` answers arrive, and whoever sends them does not hear of it.
    """

    open: set[str] = field(default_factory=lambda: {TOKEN})
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lost: int = 0

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - Step Functions' own names
        self._answer(taskToken, "success", json.loads(output))

    def send_task_failure(self, *, taskToken: str, error: str, cause: str) -> None:  # noqa: N803 - Step Functions' own names
        self._answer(taskToken, error, {"cause": cause})

    def _answer(self, token: str, kind: str, told: dict[str, Any]) -> None:
        if token not in self.open:
            raise ClientError({"Error": {"Code": "TaskTimedOut", "Message": "gone"}}, "SendTaskSuccess")
        self.open.remove(token)
        self.sent.append((kind, told))
        if self.lost:
            self.lost -= 1
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "lost"}}, "SendTaskSuccess")


@dataclass
class Person:
    """Somebody with the two commands, and the run that asks."""

    stack: Stack
    run: Run
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    states: WaitingStates = field(default_factory=WaitingStates)
    bucket: SettingsBucket = field(default_factory=SettingsBucket)

    @property
    def by(self) -> Asking:
        clients: dict[str, Any] = {
            "bedrock": self.stack.emulator.control,
            "ssm": self.stack.ssm,
            "s3": self.bucket,
            "sns": self.topic,
            "stepfunctions": self.states,
        }
        environment = NotifyEnvironment(STACK_NAME=STACK, ARTIFACT_BUCKET="artifacts", TOPIC_ARN="topic")
        return Asking(environment=environment, **clients)

    def asked(
        self,
        token: str = TOKEN,
        *,
        stage: str = "training",
        redrives: int = 0,
        trained: SelectModelOutput | None = None,
    ) -> str:
        """What Request Approval does, each time that its state is attempted."""
        evaluation = VERDICT.model_copy(
            update={"ask": "It costs.", "reason": "Better by 12 points.", "break_even": PAYS}
        )
        request = RequestApprovalInput(
            token=token,
            stage=cast("Any", stage),
            execution_arn=self.run.execution_arn,
            run=self.run,
            prepared=PREPARED.model_copy(update={"model": trained}),
            evaluation=evaluation if stage == "service" else None,
        )
        self.states.open.add(token)
        self.states.more[self.run.execution_arn] = {"redriveCount": redrives}
        return approvals.request(self.by, request).until

    def answer(self, decision: str, by: str = ADA, reason: str = "", run: str = "", question: int = 0) -> DecideOutput:
        name, told = run or self.run.endpoint_name, cast("Any", decision)
        given = DecideInput(run=name, question=question, decision=told, by=by, reason=reason)
        return decisions.decide(self.by, given)

    def sweep(self) -> DecideOutput:
        return decisions.decide(self.by, DecideInput())

    def set(self, settings: str) -> None:
        """Write the project's settings."""
        self.bucket.objects[SETTINGS] = (settings.encode(), self.bucket.now)

    def replace_champion(self) -> None:
        """Let another run put its model into service meanwhile."""
        other = self.stack.request(self.stack.run())
        until_done(lambda: self.stack.promote(other), self.stack.clock)

    def rematch(self) -> None:
        """What Plan Rematch does to the plan: the model in service now is the one to compare with."""
        now = serving.champion(self.stack.emulator.control, self.stack.ssm, STACK, self.run.slug)
        self.run = self.run.model_copy(update={"champion": now, "rematches": self.run.rematches + 1})

    def end(self, status: str = "ABORTED") -> None:
        self.states.statuses[self.run.execution_arn] = status
        self.states.open.clear()

    def later(self, span: timedelta = APPROVAL_BOUND) -> None:
        self.states.now += span

    def kept(self, folder: str) -> list[str]:
        return [key for key in self.bucket.objects if key.startswith(folder)]

    def decided(self) -> list[dict[str, Any]]:
        """Every answer that was written down, in the order of their questions."""
        keys = sorted(key for key in self.kept("approvals/") if "/decision-" in key)
        return [orjson.loads(self.bucket.objects[key][0]) for key in keys]


@contextmanager
def person(*, champion: bool = False) -> Iterator[Person]:
    """Somebody who is asked by a run; `champion` says whether its project has a model in service."""
    clock = ManualClock()
    with running_emulator(clock) as emulator:
        stack = Stack(emulator, clock)
        if champion:
            stack.promote(stack.request(stack.run()))
        run = stack.run(deployment="provisioned")
        found = Person(stack, run)
        found.states.statuses[run.execution_arn] = "RUNNING"
        yield found
