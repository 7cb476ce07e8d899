"""In the simulation a function may do what its policies say, and nothing else."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.simulation.functions import MACHINE, TOPIC
from tests.simulation.permissions import may_list, refused
from tests.simulation.world import Call

ARTIFACTS = "https://s3.us-east-1.amazonaws.com/artifacts"
EXECUTION = MACHINE.replace(":stateMachine:", ":execution:")


def published(topic: str) -> bytes:
    return urlencode({"Action": "Publish", "TopicArn": topic, "Message": "m"}).encode()


ALLOWED = [
    ("Notify", "s3", "PutObject", f"{ARTIFACTS}/outbox/one.json", b""),
    ("Notify", "s3", "HeadObject", f"{ARTIFACTS}/mails/one.sending", b""),
    ("Notify", "sns", "Publish", "", published(TOPIC)),
    ("Notify", "sfn", "DescribeExecution", "", json.dumps({"executionArn": f"{EXECUTION}:one"}).encode()),
    ("PlanRun", "ssm", "GetParameter", "", json.dumps({"Name": "/finetune/shop/endpoint"}).encode()),
    ("EvaluateShard", "bedrock-runtime", "Converse", "", b""),
    ("SweepEndpoints", "s3", "ListObjectsV2", f"{ARTIFACTS}?prefix=mails/", b""),
    ("PlanRun", "s3", "HeadBucket", ARTIFACTS, b""),
]
REFUSED = [
    ("Notify", "s3", "PutObject", f"{ARTIFACTS}/runs/shop/run/plan.json", b""),
    ("Notify", "s3", "GetObject", f"{ARTIFACTS}/mails/one.json?versionId=1", b""),
    ("Notify", "sns", "Publish", "", published(f"{TOPIC}-of-another")),
    ("Notify", "sfn", "DescribeExecution", "", json.dumps({"executionArn": EXECUTION.replace("tune", "x")}).encode()),
    ("PlanRun", "ssm", "PutParameter", "", json.dumps({"Name": "/finetune/shop/endpoint"}).encode()),
    ("PlanRun", "ssm", "GetParameter", "", json.dumps({"Name": "/another/shop/endpoint"}).encode()),
    ("CheckEndpoint", "bedrock", "DeleteCustomModelDeployment", "", b""),
]


def call(stem: str, service: str, operation: str, url: str, body: bytes = b"") -> Call:
    asking: Any = SimpleNamespace(stem=stem)
    return Call(1, service, operation, url, "POST", {}, body, asking)


@pytest.mark.parametrize("asked", ALLOWED)
def test_what_a_policy_allows_is_done(asked: tuple[str, str, str, str, bytes]) -> None:
    assert refused(call(*asked)) == ""


@pytest.mark.parametrize("asked", REFUSED)
def test_what_no_policy_allows_is_refused(asked: tuple[str, str, str, str, bytes]) -> None:
    assert refused(call(*asked)).endswith((asked[2], "s3:GetObjectVersion"))


def test_only_a_function_that_may_list_a_bucket_learns_what_is_missing_there() -> None:
    assert may_list(call("Notify", "s3", "GetObject", f"{ARTIFACTS}/mails/one.json"))
    assert not may_list(call("StartRun", "s3", "GetObject", f"{ARTIFACTS}/starts/one.json"))
