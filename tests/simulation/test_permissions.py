"""In the simulation a function may do what its policies say, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from local.bedrock.records import Deployment
from tests.simulation.permissions import may_list, refused
from tests.simulation.world import Call, simulated
from tests.template import MACHINE, STACK, TOPIC

ARTIFACTS = "https://s3.us-east-1.amazonaws.com/artifacts"
EXECUTION = MACHINE.replace(":stateMachine:", ":execution:")


def published(topic: str) -> bytes:
    return urlencode({"Action": "Publish", "TopicArn": topic, "Message": "m"}).encode()


ALLOWED = [
    ("Notify", "s3", "PutObject", f"{ARTIFACTS}/mails/one.json", b""),
    ("Notify", "s3", "HeadObject", f"{ARTIFACTS}/mails/one.sending", b""),
    ("Notify", "sns", "Publish", "", published(TOPIC)),
    ("Notify", "sfn", "DescribeExecution", "", json.dumps({"executionArn": f"{EXECUTION}:one"}).encode()),
    ("PlanRun", "ssm", "GetParameter", "", json.dumps({"Name": "/finetune/shop/endpoint"}).encode()),
    ("SweepEndpoints", "s3", "ListObjectsV2", f"{ARTIFACTS}?prefix=mails/", b""),
    ("PlanRun", "s3", "HeadBucket", ARTIFACTS, b""),
]
REFUSED = [
    ("Notify", "s3", "PutObject", f"{ARTIFACTS}/runs/shop/run/plan.json", b""),
    ("Notify", "s3", "PutObject", f"{ARTIFACTS}/outbox/one.json", b""),
    ("Notify", "s3", "GetObject", f"{ARTIFACTS}/mails/one.json?versionId=1", b""),
    ("Notify", "sns", "Publish", "", published(f"{TOPIC}-of-another")),
    ("Notify", "sfn", "DescribeExecution", "", json.dumps({"executionArn": EXECUTION.replace("tune", "x")}).encode()),
    ("PlanRun", "ssm", "PutParameter", "", json.dumps({"Name": "/finetune/shop/endpoint"}).encode()),
    ("PlanRun", "ssm", "GetParameter", "", json.dumps({"Name": "/another/shop/endpoint"}).encode()),
]


def call(stem: str, service: str, operation: str, url: str, body: bytes = b"") -> Call:
    asking: Any = SimpleNamespace(stem=stem)
    return Call(1, service, operation, url, "POST", {}, body, asking)


@pytest.mark.parametrize("asked", ALLOWED)
def test_what_a_policy_allows_is_done(asked: tuple[str, str, str, str, bytes]) -> None:
    assert refused(call(*asked)) == ""


@pytest.mark.parametrize("asked", REFUSED)
def test_what_no_policy_allows_is_refused(asked: tuple[str, str, str, str, bytes]) -> None:
    assert refused(call(*asked)).endswith((asked[2], "s3:GetObjectVersion", "by the bucket's policy"))


def test_what_is_written_once_is_written_with_the_header_that_the_bucket_s_policy_asks_for() -> None:
    once = call("Notify", "s3", "PutObject", f"{ARTIFACTS}/outbox/one.json")
    assert refused(once) == "s3:PutObject, by the bucket's policy"
    assert refused(replace(once, headers={"If-None-Match": b"*"})) == ""


def test_only_a_function_that_may_list_a_bucket_learns_what_is_missing_there() -> None:
    assert may_list(call("Notify", "s3", "GetObject", f"{ARTIFACTS}/mails/one.json"))
    assert not may_list(call("StartRun", "s3", "GetObject", f"{ARTIFACTS}/starts/one.json"))


@pytest.mark.parametrize(
    ("stem", "stack", "forbidden"),
    [("ReleaseEndpoint", STACK, 0), ("ReleaseEndpoint", "another", 1), ("CheckEndpoint", STACK, 1)],
)
def test_bedrock_looks_at_the_policies_of_a_function_and_at_the_tags_of_a_resource(
    stem: str, stack: str, forbidden: int
) -> None:
    with simulated() as world:
        now, bedrock = world.clock.now(), world.bedrock
        found = Deployment(
            arn=bedrock.new_arn("custom-model-deployment"),
            name="endpoint",
            created_at=now,
            changed_at=now,
            request={},
            model_arn="model",
            base_model_id="base",
            ready_at=now,
        )
        bedrock.state.deployments[found.arn] = found
        bedrock.tag(found.arn, [{"key": "finetune-stack", "value": stack}])
        url = f"https://bedrock/model-customization/custom-model-deployments/{quote(found.arn, safe='')}"
        asked = replace(call(stem, "bedrock", "DeleteCustomModelDeployment", url), method="DELETE")
        world.clock.spawn(lambda: world.work(asked))
        world.clock.run(1)
    assert len(world.forbidden) == forbidden
    assert (found.deleted_at is None) == bool(forbidden)
