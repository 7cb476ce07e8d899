"""An S3, an IAM and a clock in memory: enough of each to run the emulator without a gateway, in tests."""

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.bedrock import server
from local.bedrock.admin import Admin
from local.bedrock.policy import Statement
from local.bedrock.records import PHASES, CustomModel, Job, PhaseRecord
from local.bedrock.service import Service
from local.bedrock.world import World
from local.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient

ACCOUNT, REGION = "123456789012", "us-east-1"
JOB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/customization"


class ManualClock(Clock):
    """Service time that stands still until a test moves it; nothing sleeps."""

    def __init__(self, moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def real_seconds(self, service_seconds: float) -> float:
        return 0.002 if service_seconds > 0 else 0.0

    def sleep(self, service_seconds: float) -> None:
        del service_seconds

    def advance(self, minutes: float) -> None:
        """Let service time pass."""
        self._moment += timedelta(minutes=minutes)


@dataclass
class MemoryS3:
    """Objects by `bucket/key`; what is in `unreadable` or below a prefix in `unwritable` answers AccessDenied."""

    objects: dict[str, bytes] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    unwritable: set[str] = field(default_factory=set)

    def for_role(self, _role_arn: str) -> "S3Client":
        """This S3 for any role."""
        return cast("S3Client", self)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        name = f"{Bucket}/{Key}"
        if name in self.unreadable:
            raise _error("AccessDenied", "GetObject")
        if name not in self.objects:
            raise _error("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[name])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:  # noqa: N803 - S3's own names
        name = f"{Bucket}/{Key}"
        if name.startswith(tuple(self.unwritable)):
            raise _error("AccessDenied", "PutObject")
        self.objects[name] = Body
        return {}


@dataclass
class MemoryIam:
    """Policies and trust of roles by ARN, the access keys that belong to them, and the policies of KMS keys."""

    policies: dict[str, list[Statement]] = field(default_factory=dict)
    trusts: dict[str, list[Statement]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    key_policies: dict[str, list[Statement]] = field(default_factory=dict)

    def identity(self, role_arn: str) -> list[Statement]:
        return self.policies[role_arn]

    def trust(self, role_arn: str) -> list[Statement]:
        return self.trusts[role_arn]

    def key(self, key_arn: str) -> list[Statement]:
        return self.key_policies.get(key_arn, [])

    def role_of(self, access_key: str) -> str | None:
        return self.keys.get(access_key)

    def assume(self, role_arn: str, service: str, session_name: str) -> Any:
        raise NotImplementedError(f"{session_name} of {service} needs no credentials of {role_arn} here.")


def bedrock_trust(account: str, region: str, service: str = "bedrock.amazonaws.com") -> list[Statement]:
    """The trust policy that AWS documents for the role of a customization job."""
    conditions: Mapping[str, Mapping[str, str]] = {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:{region}:{account}:model-customization-job/*"},
    }
    principal = {"Service": service}
    return [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": conditions}]


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def add_model(
    world: World,
    name: str,
    base_model_id: str,
    pairs: Sequence[tuple[str, str]] = (),
    *,
    active: bool = True,
    key: str | None = None,
) -> str:
    """Put a trained custom model into an account without a job; its ARN."""
    now = world.now()
    where = {"s3Uri": "s3://data/train.jsonl"}
    job = Job(
        arn=world.new_arn("model-customization-job", base_model_id),
        name=name,
        created_at=now,
        changed_at=now,
        ended_at=now,
        request={
            "customModelName": name,
            "baseModelIdentifier": base_model_id,
            "roleArn": JOB_ROLE,
            "trainingDataConfig": where,
            "outputDataConfig": where,
            **({"customModelKmsKeyId": key} if key else {}),
        },
        base_model_id=base_model_id,
        customization_type="FINE_TUNING",
        hyperparameters={},
        status="Completed",
        phases={phase: PhaseRecord(status="Completed") for phase in PHASES},
    )
    model = CustomModel(
        arn=world.arn("custom-model", base_model_id, job.id),
        name=name,
        created_at=now,
        request={},
        job_arn=job.arn,
        job_name=name,
        base_model_id=base_model_id,
        customization_type="FINE_TUNING",
        active_at=now if active else None,
        pairs=list(pairs),
    )
    job.model_arn = model.arn
    world.state.jobs[job.arn], world.state.models[model.arn] = job, model
    return model.arn


@dataclass
class Emulator:
    """A running emulator with what surrounds it and root's clients; `service` answers without a connection."""

    endpoint: str
    world: World
    service: Service
    s3: MemoryS3
    iam: MemoryIam
    admin: Admin
    control: "BedrockClient"
    runtime: "BedrockRuntimeClient"

    @property
    def quotas(self) -> "ServiceQuotasClient":
        """Service Quotas, which the emulator answers too."""
        return _session("test", self.world.region).client("service-quotas", endpoint_url=self.endpoint)

    @property
    def prices(self) -> "PricingClient":
        """AWS's Price List, which the emulator answers too."""
        return _session("test", self.world.region).client("pricing", endpoint_url=self.endpoint)

    def add_model(
        self,
        name: str,
        base_model_id: str,
        pairs: Sequence[tuple[str, str]] = (),
        *,
        active: bool = True,
        key: str | None = None,
    ) -> str:
        """Put a trained custom model in place without a job, encrypted with a KMS key if one is given; its ARN."""
        return add_model(self.world, name, base_model_id, pairs, active=active, key=key)

    def model_arn(self, name: str) -> str:
        """The ARN of a custom model by its name."""
        return next(model.arn for model in self.world.state.models.values() if model.name == name)

    def finish_jobs(self, clock: ManualClock) -> None:
        """Let a day pass, in which every job ends but one that stalls."""
        clock.advance(24 * 60)
        jobs = {job.name: job for job in self.world.state.jobs.values()}
        for thread in threading.enumerate():
            while thread.name in jobs and thread.is_alive():
                if jobs[thread.name].status == "Stopping":
                    clock.advance(2)
                thread.join(0.02)

    def clients_of(self, role: str, *statements: Statement) -> tuple["BedrockClient", "BedrockRuntimeClient"]:
        """Clients that act as a role with these permissions."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        self.iam.keys[role] = arn
        self.iam.policies[arn] = list(statements)
        return _clients(self.endpoint, role)


@contextmanager
def running_emulator(
    clock: Clock, region: str = REGION, s3_for_role: Callable[[str], "S3Client"] | None = None
) -> Iterator[Emulator]:
    """An emulator over memory, stopped at the end; the role `JOB_ROLE` may be passed to jobs.

    Jobs read and write in memory too, unless `s3_for_role` says otherwise.
    """
    s3, iam = MemoryS3(), MemoryIam(trusts={JOB_ROLE: bedrock_trust(ACCOUNT, region)})
    bedrock = server.start(
        port=0,
        clock=clock,
        registry=iam,
        gateway_endpoint="",
        region=region,
        account=ACCOUNT,
        policies=iam,
        s3_for_role=s3_for_role or s3.for_role,
    )
    control, runtime = _clients(bedrock.endpoint, "test", region)
    try:
        admin = Admin(bedrock.endpoint)
        yield Emulator(bedrock.endpoint, bedrock.world, bedrock.service, s3, iam, admin, control, runtime)
    finally:
        control.close()
        runtime.close()
        bedrock.stop()


@cache
def _session(key: str, region: str) -> boto3.session.Session:
    return boto3.session.Session(key, "secret", region_name=region)


def _clients(endpoint: str, key: str, region: str = REGION) -> tuple["BedrockClient", "BedrockRuntimeClient"]:
    session = _session(key, region)
    once = Config(retries={"total_max_attempts": 1})
    return (
        session.client("bedrock", endpoint_url=endpoint, config=once),
        session.client("bedrock-runtime", endpoint_url=endpoint, config=once),
    )
