"""A custom model under a customer's key: each who makes, serves or asks it needs that key, and so does Bedrock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.bedrock.permissions import ASKING, MAKING, SERVING
from local.bedrock.policy import Statement
from local.bedrock.unknowns import Unknowns
from tests.emulator import ACCOUNT, JOB_ROLE, REGION, Emulator, ManualClock, running_emulator

NOVA = "amazon.nova-micro-v1:0:128k"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-{'0' * 32}"
VIA = {"StringEquals": {"kms:ViaService": f"bedrock.{REGION}.amazonaws.com"}}
NAMED = {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:bedrock:custom-model"}}


def allow(*actions: str, **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def uses(*actions: str) -> Statement:
    return allow(*(f"kms:{action}" for action in actions), Condition=VIA)


def for_account(**more: Any) -> Statement:
    return allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, **more)


def for_bedrock(*actions: str, **more: Any) -> Statement:
    principal = {"Service": ["bedrock.amazonaws.com"]}
    return allow(*(f"kms:{action}" for action in actions), Principal=principal, **more)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    with running_emulator(clock) as running:
        running.iam.key_policies[KEY] = [for_account(), for_bedrock(*ASKING)]
        running.iam.policies[JOB_ROLE] = [uses(*MAKING)]
        running.s3.objects["data/train.jsonl"] = b""
        running.add_model("model", NOVA, key=KEY)
        yield running


def deploy(emulator: Emulator, control: Any, name: str = "endpoint") -> str:
    made = control.create_custom_model_deployment(modelDeploymentName=name, modelArn=emulator.model_arn("model"))
    return str(made["customModelDeploymentArn"])


def make(_: Emulator, control: Any, __: Any) -> None:
    control.create_model_customization_job(
        jobName="job",
        customModelName="another",
        roleArn=JOB_ROLE,
        baseModelIdentifier=NOVA,
        trainingDataConfig={"s3Uri": "s3://data/train.jsonl"},
        outputDataConfig={"s3Uri": "s3://data/out"},
        customModelKmsKeyId=KEY,
    )


def serve(emulator: Emulator, control: Any, _: Any) -> None:
    deploy(emulator, control)


def buy(emulator: Emulator, control: Any, _: Any) -> None:
    control.create_provisioned_model_throughput(
        provisionedModelName="throughput", modelId=emulator.model_arn("model"), modelUnits=1
    )


def swap(emulator: Emulator, control: Any, _: Any) -> None:
    control.update_custom_model_deployment(
        customModelDeploymentIdentifier="served", modelArn=emulator.model_arn("model")
    )


def ask(emulator: Emulator, _: Any, runtime: Any) -> None:
    [endpoint] = emulator.world.state.deployments
    runtime.converse(modelId=endpoint, messages=[{"role": "user", "content": [{"text": "hello"}]}])


NEEDED = [(make, MAKING), (serve, SERVING), (buy, SERVING), (swap, SERVING), (ask, ASKING)]


def refused(emulator: Emulator, clock: ManualClock, work: Any, *policies: Statement) -> str:
    """What is refused to a role that may do everything else; empty when nothing is."""
    if work in {swap, ask} and not emulator.world.state.deployments:
        deploy(emulator, emulator.control, "served")
        clock.advance(30)
    clients = emulator.clients_of("role", allow("bedrock:*", "iam:PassRole"), *policies)
    try:
        work(emulator, *clients)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return str(error).partition("not authorized to perform: ")[2].partition(" ")[0]
    return ""


@pytest.mark.parametrize(
    ("work", "needed", "missing"), [(work, needed, each) for work, needed in NEEDED for each in (*needed, "")]
)
def test_each_use_of_the_key_is_asked_of_the_caller(
    emulator: Emulator, clock: ManualClock, work: Any, needed: tuple[str, ...], missing: str
) -> None:
    given = uses(*(each for each in needed if each != missing))
    assert refused(emulator, clock, work, given) == (f"kms:{missing}" if missing else "")


@pytest.mark.parametrize("missing", MAKING)
def test_each_use_of_the_key_is_asked_of_the_role_of_a_job_too(
    emulator: Emulator, clock: ManualClock, missing: str
) -> None:
    emulator.iam.policies[JOB_ROLE] = [uses(*(each for each in MAKING if each != missing))]
    assert refused(emulator, clock, make, uses(*MAKING)) == f"kms:{missing}"


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        ([for_account(), for_bedrock(*ASKING)], ""),
        ([for_bedrock(*ASKING)], "kms:Decrypt"),
        ([for_account()], "kms:Decrypt"),
        ([for_account(), for_bedrock("Decrypt")], "kms:GenerateDataKey"),
        ([for_account(), for_bedrock(*ASKING, Condition={"StringEquals": {"aws:SourceAccount": "1"}})], "kms:Decrypt"),
        ([allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/role"}), for_bedrock(*ASKING)], ""),
        ([for_account(), for_bedrock(*ASKING), {**for_account(), "Effect": "Deny"}], "kms:Decrypt"),
        ([], "kms:Decrypt"),
    ],
)
def test_the_policy_of_the_key_has_to_let_the_account_and_bedrock_use_it(
    emulator: Emulator, clock: ManualClock, policy: list[Statement], refusal: str
) -> None:
    emulator.iam.key_policies[KEY] = policy
    assert refused(emulator, clock, serve, uses(*SERVING)) == refusal


@pytest.mark.parametrize("named", [True, False])
def test_whether_bedrock_names_the_custom_model_to_the_key_is_a_switch(
    emulator: Emulator, clock: ManualClock, named: bool
) -> None:
    emulator.world.unknowns = Unknowns(key_context=named)
    emulator.iam.key_policies[KEY] = [for_account(), for_bedrock(*ASKING, Condition=NAMED)]
    assert refused(emulator, clock, serve, uses(*SERVING)) == ("" if named else "kms:Decrypt")


def test_a_model_without_a_key_asks_for_none(emulator: Emulator, clock: ManualClock) -> None:
    emulator.world.state.models.clear()
    emulator.add_model("model", NOVA)
    assert [refused(emulator, clock, work) for work in (swap, ask, serve)] == ["", "", ""]
