"""Each answer that no document gives can be switched: Bedrock then answers the other way."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.bedrock.unknowns import Unknowns
from tests.emulator import JOB_ROLE, Emulator, ManualClock, running_emulator

NOVA, LLAMA = "amazon.nova-micro-v1:0:128k", "meta.llama3-2-1b-instruct-v1:0:128k"
TAGS = [{"key": "stack", "value": "mine"}]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    with running_emulator(clock) as running:
        yield running


def deploy(emulator: Emulator, name: str = "endpoint") -> str:
    model = emulator.model_arn("model")
    asked: Any = {"modelDeploymentName": name, "modelArn": model, "tags": TAGS}
    return emulator.control.create_custom_model_deployment(**asked)["customModelDeploymentArn"]


def bound(action: str) -> dict[str, Any]:
    """A statement that allows an action on resources of the stack."""
    condition = {"StringEquals": {"aws:ResourceTag/stack": "mine"}}
    return {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}


def is_denied(work: Any, **asked: Any) -> bool:
    try:
        work(**asked)
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False


@pytest.mark.parametrize("seen", [True, False])
def test_tags_of_an_endpoint_that_is_asked(emulator: Emulator, clock: ManualClock, seen: bool) -> None:
    emulator.world.unknowns = Unknowns(tags_on_invoke=seen)
    emulator.add_model("model", NOVA)
    arn = deploy(emulator)
    clock.advance(8)
    _, runtime = emulator.clients_of("asker", bound("bedrock:InvokeModel"))
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    assert is_denied(runtime.converse, modelId=arn, messages=messages) == (not seen)


@pytest.mark.parametrize(("seen", "refused"), [("both", False), ("endpoint", True), ("model", True), ("neither", True)])
def test_tags_of_the_two_resources_of_an_update(
    emulator: Emulator, clock: ManualClock, seen: Any, refused: bool
) -> None:
    emulator.world.unknowns = Unknowns(tags_on_update=seen)
    emulator.add_model("model", NOVA)
    better = emulator.add_model("better", NOVA)
    emulator.world.tag(better, TAGS)
    asked = {"customModelDeploymentIdentifier": deploy(emulator), "modelArn": better}
    clock.advance(8)
    control, _ = emulator.clients_of("swapper", bound("bedrock:UpdateCustomModelDeployment"))
    assert is_denied(control.update_custom_model_deployment, **asked) == refused


@pytest.mark.parametrize("seen", [True, False])
def test_tags_of_a_job_that_is_named(emulator: Emulator, seen: bool) -> None:
    emulator.world.unknowns = Unknowns(tags_by_name=seen)
    emulator.s3.objects["data/train.jsonl"] = b""
    asked: Any = {
        "jobName": "job",
        "customModelName": "model",
        "roleArn": JOB_ROLE,
        "baseModelIdentifier": NOVA,
        "trainingDataConfig": {"s3Uri": "s3://data/train.jsonl"},
        "outputDataConfig": {"s3Uri": "s3://data/out"},
        "jobTags": TAGS,
    }
    arn = emulator.control.create_model_customization_job(**asked)["jobArn"]
    control, _ = emulator.clients_of("stopper", bound("bedrock:StopModelCustomizationJob"))
    assert is_denied(control.stop_model_customization_job, jobIdentifier="job") == (not seen)
    assert not is_denied(control.stop_model_customization_job, jobIdentifier=arn)


def test_an_id_with_a_context_length_names_no_methods(emulator: Emulator) -> None:
    emulator.world.unknowns = Unknowns(names_methods=False)
    details = emulator.control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]
    assert (details["customizationsSupported"], details["modelLifecycle"]["status"]) == ([], "ACTIVE")


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_base_model_that_is_not_there(emulator: Emulator, code: Any) -> None:
    emulator.world.unknowns = Unknowns(absent_model=code)
    with pytest.raises(ClientError, match=rf"{code}.*model identifier is invalid"):
        emulator.control.get_foundation_model(modelIdentifier="amazon.nova-none-v1:0:128k")


@pytest.mark.parametrize("code", ["ServiceQuotaExceededException", "ValidationException"])
def test_a_quota_that_is_used_up(emulator: Emulator, code: Any) -> None:
    emulator.world.unknowns = Unknowns(over_quota=code)
    emulator.add_model("model", NOVA)
    for name in ("one", "two"):
        deploy(emulator, name)
    with pytest.raises(ClientError, match=rf"{code}.*quota"):
        deploy(emulator, "three")
    emulator.admin.inject("quota-create-job")
    with pytest.raises(ClientError, match=rf"{code}.*quota"):
        emulator.control.create_model_customization_job(
            jobName="job",
            customModelName="another",
            roleArn=JOB_ROLE,
            baseModelIdentifier=NOVA,
            trainingDataConfig={"s3Uri": "s3://data/train.jsonl"},
            outputDataConfig={"s3Uri": "s3://data/out"},
        )


@pytest.mark.parametrize("moves", [True, False])
def test_an_update_of_a_deployment_that_is_not_seen_yet(emulator: Emulator, clock: ManualClock, moves: bool) -> None:
    emulator.world.unknowns = Unknowns(update_unseen_minutes=2, update_moves_time=moves)
    old, new = emulator.add_model("model", NOVA), emulator.add_model("better", NOVA)
    identifier = {"customModelDeploymentIdentifier": deploy(emulator)}
    clock.advance(30)
    before, update = emulator.control.get_custom_model_deployment(**identifier), {**identifier, "modelArn": new}
    emulator.control.update_custom_model_deployment(**update)
    clock.advance(1)
    unseen = emulator.control.get_custom_model_deployment(**identifier)
    assert (unseen["modelArn"], unseen["status"], "updateDetails" in unseen) == (old, "Active", False)
    assert (unseen["lastUpdatedAt"] > before["lastUpdatedAt"]) == moves
    with pytest.raises(ClientError, match=r"ValidationException.*mutating state"):
        emulator.control.update_custom_model_deployment(**update)
    clock.advance(1)
    seen = emulator.control.get_custom_model_deployment(**identifier)
    assert (seen["modelArn"], seen["updateDetails"]["updateStatus"]) == (old, "Updating")
    assert seen["lastUpdatedAt"] > before["lastUpdatedAt"]


def test_an_update_of_throughput_that_is_not_seen_yet(emulator: Emulator, clock: ManualClock) -> None:
    emulator.world.unknowns = Unknowns(update_unseen_minutes=2)
    old, new = emulator.add_model("model", LLAMA), emulator.add_model("better", LLAMA)
    control = emulator.control
    asked: Any = {"provisionedModelName": "capacity", "modelId": "model", "modelUnits": 1}
    arn = control.create_provisioned_model_throughput(**asked)["provisionedModelArn"]
    clock.advance(30)
    control.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=new)
    found = []
    for _ in range(2):
        found.append(control.get_provisioned_model_throughput(provisionedModelId=arn))
        clock.advance(2)
    assert [each["status"] for each in found] == ["InService", "Updating"]
    assert [each["desiredModelArn"] for each in found] == [old, new]


@pytest.mark.parametrize("answer", ["ConflictException", "ValidationException", "deleted"])
def test_throughput_in_creating_that_is_deleted(emulator: Emulator, answer: Any) -> None:
    emulator.world.unknowns = Unknowns(delete_creating_throughput=answer)
    emulator.add_model("model", LLAMA)
    asked: Any = {"provisionedModelName": "capacity", "modelId": "model", "modelUnits": 1}
    arn = emulator.control.create_provisioned_model_throughput(**asked)["provisionedModelArn"]
    if answer == "deleted":
        emulator.control.delete_provisioned_model_throughput(provisionedModelId=arn)
        assert emulator.admin.ledger().open == []
        return
    with pytest.raises(ClientError, match=answer):
        emulator.control.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert len(emulator.admin.ledger().open) == 1
