"""Parameter Store, a bucket, a topic and executions in memory, for tests against the Bedrock emulator."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

from botocore.exceptions import ClientError

from finetune.aws import publication, serving
from finetune.aws.tags import LEASE_TAG, tags_of
from finetune.contracts import JudgeEvaluationOutput, PromoteModelInput, PromoteModelOutput, SelectModelOutput
from finetune.domain.billing.limits import USUAL_LEASE
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import RUN_BOUND, resource_name
from finetune.errors import EndpointBusy
from finetune.parts import Endpoint
from finetune.run import ObjectVersion, Run
from finetune.settings import Settings
from tests.emulator import Emulator, ManualClock

STACK, SLUG = "stack", "shop"
NOVA = "amazon.nova-micro-v1:0:128k"
# How long an endpoint of each kind may live in these tests.
LEASES: Mapping[Deployment, timedelta] = {"on_demand": RUN_BOUND, "provisioned": USUAL_LEASE}
PAIRS = [("Where is my order?", "It is on its way.")]


@dataclass
class MemorySsm:
    """Parameters by name; every write whose number is in `refused`, counted from 1, answers AccessDenied."""

    values: dict[str, str] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    writes: int = 0

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - SSM's own names
        if Name not in self.values:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": Name}}, "GetParameter")
        return {"Parameter": {"Name": Name, "Value": self.values[Name]}}

    def put_parameter(self, *, Name: str, Value: str, Type: str, Overwrite: bool) -> None:  # noqa: N803 - SSM's own names
        assert Type == "String"
        self.writes += 1
        if Name in self.values and not Overwrite:
            raise ClientError({"Error": {"Code": "ParameterAlreadyExists", "Message": Name}}, "PutParameter")
        if self.writes in self.refused:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutParameter")
        assert "{{" not in Value
        self.values[Name] = Value


VERDICT = JudgeEvaluationOutput(
    decision="promote",
    reason="",
    metric=None,
    base_score=None,
    candidate_score=None,
    champion_score=None,
    difference=None,
    interval=None,
    items=20,
    provision=False,
    report_uri="s3://artifacts/report.html",
)


def until_done[T](act: Callable[[], T], clock: ManualClock) -> T:
    """What the state machine does with EndpointBusy: wait, then call again."""
    for _ in attempts():
        try:
            return act()
        except EndpointBusy:
            clock.advance(3)
    raise AssertionError("still busy")


def attempts() -> Iterator[int]:
    yield from range(40)


@dataclass
class MemoryBucket:
    """One S3 bucket with conditional writes; `now` is S3's own clock."""

    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str = "") -> None:  # noqa: N803 - S3's own names
        del Bucket, ContentType
        if IfNoneMatch == "*" and Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": Key}}, "PutObject")
        self.objects[Key] = (Body, self.now)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        return {"Body": io.BytesIO(self._found(Bucket, Key)[0])}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        date = format_datetime(self.now, usegmt=True)
        return {
            "LastModified": self._found(Bucket, Key)[1],
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803 - S3's own names
        del Bucket
        self.objects.pop(Key, None)

    def get_paginator(self, name: str) -> MemoryBucket:
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        del Bucket
        return [{"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}]

    def _found(self, _bucket: str, key: str) -> tuple[bytes, datetime]:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": key}}, "GetObject")
        return self.objects[key]


@dataclass
class MemoryTopic:
    """An SNS topic: subjects and bodies of the mails sent; `before` runs first and may refuse."""

    sent: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    before: Callable[[], object] = field(default=lambda: None)

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> None:  # noqa: N803 - SNS's own names
        del TopicArn
        self.before()
        self.sent.append(Subject)
        self.bodies.append(Message)


@dataclass
class MemoryExecutions:
    """Executions by ARN with their status; those not named do not exist.

    `more` is what else is known of them; one that ended without a `stopDate` there ended now.
    """

    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    statuses: dict[str, str] = field(default_factory=dict)
    more: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - Step Functions' own names
        if executionArn not in self.statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")
        return self._told(executionArn) | self._dated

    def get_paginator(self, name: str) -> MemoryExecutions:
        assert name == "list_executions"
        return self

    def paginate(self, *, stateMachineArn: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - Step Functions' own names
        del stateMachineArn
        listed = ("executionArn", "status", "redriveCount", "stopDate")
        for arn in reversed(self.statuses):
            found = {key: value for key, value in self._told(arn).items() if key in listed}
            yield {"executions": [found]} | self._dated

    def _told(self, arn: str) -> dict[str, Any]:
        status = self.statuses[arn]
        ended = {} if status == "RUNNING" else {"stopDate": self.now}
        return {"executionArn": arn, "status": status, "redriveCount": 0} | ended | self.more.get(arn, {})

    @property
    def _dated(self) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.now, usegmt=True)}}}


@dataclass
class Stack:
    """A stack with one project: models are trained, promoted and taken back."""

    emulator: Emulator
    clock: ManualClock
    parameters: MemorySsm = field(default_factory=MemorySsm)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)
    trained: int = 0

    @property
    def ssm(self) -> Any:
        return cast("Any", self.parameters)

    @property
    def s3(self) -> Any:
        return cast("Any", self.bucket)

    def promoting(self, **instead: Any) -> serving.Promoting:
        """What a promotion acts through; `instead` are clients with a fault."""
        clients: dict[str, Any] = {
            "bedrock": self.emulator.control,
            "runtime": self.emulator.runtime,
            "ssm": self.ssm,
            "s3": self.s3,
            "stepfunctions": self.executions,
            "stack": STACK,
        }
        return serving.Promoting(**clients | instead)

    def promote(self, request: PromoteModelInput, **instead: Any) -> PromoteModelOutput:
        """What Promote Model does in an execution that goes on, unless that is known to have ended."""
        self.executions.statuses.setdefault(request.run.execution_arn, "RUNNING")
        return serving.promote(self.promoting(**instead), request)

    @property
    def published(self) -> publication.Published:
        found = publication.read(self.ssm, STACK, SLUG)
        assert found
        return found

    def run(
        self, *, base_model: str = NOVA, champion: bool = True, key: str = "incoming/shop/a.jsonl", **settings: Any
    ) -> Run:
        """A planned run, compared with what is in service now."""
        self.trained += 1
        run_id = f"20261101-0000{self.trained:02}-{self.trained:08x}"
        return Run(
            run_id=run_id,
            project=SLUG,
            slug=SLUG,
            execution_arn=f"arn:aws:states:us-east-1:123456789012:execution:{STACK}:{run_id}",
            first_delivery=True,
            folder=f"s3://artifacts/runs/{SLUG}/{run_id}",
            dataset=ObjectVersion(bucket="datasets", key=key, version_id=f"v{self.trained}"),
            settings=Settings(base_model=base_model, **settings),
            endpoint_name=resource_name(SLUG, run_id),
            champion=serving.champion(self.emulator.control, self.ssm, STACK, SLUG) if champion else None,
        )

    def request(self, run: Run, *, kind: str = "on_demand", tagged: bool = True) -> PromoteModelInput:
        """The run's model, trained and served by an endpoint of its own that is ready."""
        name = f"{run.endpoint_name}-c1"
        arn = self.emulator.add_model(name, run.settings.base_model, PAIRS)
        tags = tags_of(run, STACK, **{LEASE_TAG: "2026-12-21T12:00:00Z"})
        self.emulator.control.tag_resource(resourceARN=arn, tags=tags if tagged else tags[:1])  # type: ignore[arg-type]  # tags
        endpoint = self.open(run.endpoint_name, arn, kind, tags, run.settings.units)
        model = SelectModelOutput(outcome="trained", reason="", model_arn=arn, model_name=name)
        return PromoteModelInput(run=run, model=model, evaluation=VERDICT, throughput=endpoint)

    def open(self, name: str, model: str, kind: str, tags: list[dict[str, str]], units: int = 1) -> Endpoint:
        control = self.emulator.control
        if kind == "on_demand":
            arn = control.create_custom_model_deployment(modelDeploymentName=name, modelArn=model, tags=tags)[  # type: ignore[arg-type]  # tags
                "customModelDeploymentArn"
            ]
        else:
            arn = control.create_provisioned_model_throughput(
                provisionedModelName=name,
                modelId=model,
                modelUnits=units,
                tags=tags,  # type: ignore[arg-type]  # tags
            )["provisionedModelArn"]
        self.clock.advance(30)
        return Endpoint.model_validate({"kind": kind, "name": name, "arn": arn})

    def open_arns(self) -> set[str]:
        return set(self.emulator.admin.ledger().open)

    def serving(self, endpoint_arn: str) -> str:
        """The model that an endpoint serves now."""
        return next(each.model_arn for each in self.emulator.admin.ledger().endpoints if each.arn == endpoint_arn)


@dataclass
class Conflicting:
    """Bedrock where every change meets a conflict; `jobs` are the answers to one look after the other."""

    jobs: Iterator[str | None] = field(default_factory=lambda: iter([]))

    def get_model_customization_job(self, **_: str) -> dict[str, Any]:
        if (arn := next(self.jobs)) is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetJob")
        return {"jobArn": arn}

    def __getattr__(self, operation: str) -> Any:
        def refuse(**_: object) -> None:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "It is in use."}}, operation)

        return refuse
