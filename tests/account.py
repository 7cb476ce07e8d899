"""One AWS account in this process, with a stack whose functions can be called.

The clients are the product's own. Botocore asks whoever is registered at `before-send` before it opens a connection:
here the Bedrock emulator answers for Bedrock and moto for everything else, so no call leaves the process.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cache
from typing import Any, NamedTuple

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from moto import mock_aws
from moto.sns.models import sns_backends

from finetune.aws import clients
from finetune.environment import Environment
from local.bedrock.service import ResponseLostError, Service
from tests.emulator import ACCOUNT, REGION, Emulator, ManualClock, running_emulator
from tests.template import ARTIFACTS, DATASETS, FUNCTIONS, MACHINE, STACK, TOPIC, module, variables

# Bedrock is answered by the emulator, and for CloudFormation moto lacks packages.
NOT_BY_MOTO: Any = {
    "core": {
        "passthrough": {
            "urls": ["https://bedrock", "https://servicequotas", "https://api.pricing", "https://cloudformation"]
        }
    }
}


class Mail(NamedTuple):
    subject: str
    body: str


@dataclass(frozen=True)
class Context:
    """What Lambda passes beside the payload."""

    function_name: str
    seconds: int
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds * 1000


@dataclass(frozen=True)
class Account:
    """The stack's resources, empty at first; `clock` is Bedrock's and stands still, all others are real."""

    emulator: Emulator
    clock: ManualClock

    def put(self, key: str, body: bytes) -> str:
        """Put an object into the dataset bucket; its version."""
        return clients.s3().put_object(Bucket=DATASETS, Key=key, Body=body)["VersionId"]

    def start(self, name: str, dropped: Mapping[str, Any]) -> str:
        """Start an execution, which stays in its first state; its ARN."""
        text = json.dumps(dropped)
        return clients.stepfunctions().start_execution(stateMachineArn=MACHINE, name=name, input=text)["executionArn"]

    def abort(self, execution_arn: str) -> dict[str, Any]:
        """Stop an execution; the detail of the event that tells of it."""
        clients.stepfunctions().stop_execution(executionArn=execution_arn)
        found = clients.stepfunctions().describe_execution(executionArn=execution_arn)
        return {"executionArn": execution_arn, "status": found["status"], "input": found["input"]}

    def finish_jobs(self) -> None:
        """Let a day pass, in which every customization job ends and its model becomes Active."""
        self.emulator.finish_jobs(self.clock)
        self.clock.advance(5)

    def invoke(self, stem: str, payload: Any) -> Any:
        """What a function answers, with JSON on both ways and the variables that the template sets."""
        handler = module(stem).lambda_handler
        with pytest.MonkeyPatch.context() as patched, _fresh(Environment.read):
            for name, value in variables(stem).items():
                patched.setenv(name, value)
            context = Context(stem, FUNCTIONS[stem]["Timeout"])
            return json.loads(json.dumps(handler(json.loads(json.dumps(payload)), context)))

    @property
    def mails(self) -> list[Mail]:
        """Every mail of the stack, oldest first."""
        sent = sns_backends[ACCOUNT][REGION].topics[TOPIC].sent_notifications
        return [Mail(str(subject), body) for _, body, subject, *_ in sent]


@contextmanager
def _fresh(*cached: Any) -> Iterator[None]:
    """Let functions forget what they hold, before and after."""
    for each in cached:
        each.cache_clear()
    try:
        yield
    finally:
        for each in cached:
            each.cache_clear()


class _Body(io.BytesIO):
    """A response's body as botocore reads it from a connection."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def response(url: str, status: int, body: bytes, **headers: str) -> AWSResponse:
    """What a service answers, for a handler of `before-send` to return."""
    given: Any = headers
    return AWSResponse(url, status, given, _Body(body))


def answering(service: Service, clock: ManualClock) -> Callable[..., Any]:
    """Lets the emulator answer at `before-send`; a response that it loses is a connection that was closed."""

    def answer(request: Any, **_: object) -> AWSResponse:
        target = f"/{request.url.removeprefix('https://').partition('/')[2]}"
        signature = request.headers["Authorization"].decode()
        try:
            found = service.answer(request.method, target, signature, request.body or b"")
        except ResponseLostError:
            raise ConnectionClosedError(endpoint_url=request.url) from None
        date = format_datetime(clock.now(), usegmt=True)
        return response(request.url, found.status, found.body, **found.headers, Date=date)

    return answer


@cache
def _loader() -> botocore.loaders.Loader:
    """What botocore has read about the services, which takes longer than what most tests do with it."""
    return botocore.loaders.create_loader()


@contextmanager
def account() -> Iterator[Account]:
    """An account with a stack; every client of the product that is made meanwhile belongs to it."""
    clock = ManualClock()
    made = [each for each in vars(clients).values() if hasattr(each, "cache_clear")]
    with (
        mock_aws(config=NOT_BY_MOTO),
        _fresh(*made),
        running_emulator(clock, s3_for_role=lambda _: clients.s3()) as emulator,
    ):
        core = botocore.session.Session()
        core.register_component("data_loader", _loader())
        session = boto3.Session("test", "secret", region_name=REGION, botocore_session=core)
        for service in ("bedrock", "bedrock-runtime", "service-quotas", "pricing"):
            session.events.register_first(f"before-send.{service}", answering(emulator.service, clock))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(boto3, "DEFAULT_SESSION", session)
            _deploy()
            yield Account(emulator, clock)


def _deploy() -> None:
    """The stack's buckets, topic and state machine."""
    for bucket in (DATASETS, ARTIFACTS):
        clients.s3().create_bucket(Bucket=bucket)
        clients.s3().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    clients.sns().create_topic(Name=STACK)
    machine = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    clients.stepfunctions().create_state_machine(
        name=STACK, definition=json.dumps(machine), roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
    )
