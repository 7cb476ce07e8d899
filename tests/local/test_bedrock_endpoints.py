"""Deployments and provisioned throughput: readiness, swaps, quotas, deletion, tags and what they cost."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator import Emulator, ManualClock, running_emulator

NOVA, LLAMA = "amazon.nova-micro-v1:0:128k", "meta.llama3-2-1b-instruct-v1:0:128k"
LITE = "amazon.nova-lite-v1:0:300k"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    with running_emulator(clock) as running:
        yield running


def deploy(emulator: Emulator, name: str = "endpoint", model: str = "model", **more: Any) -> str:
    arn = emulator.model_arn(model)
    created = emulator.control.create_custom_model_deployment(modelDeploymentName=name, modelArn=arn, **more)
    return created["customModelDeploymentArn"]


def provision(emulator: Emulator, name: str = "capacity", model: str = "model", **more: Any) -> str:
    asked: dict[str, Any] = {"provisionedModelName": name, "modelId": model, "modelUnits": 1} | more
    return emulator.control.create_provisioned_model_throughput(**asked)["provisionedModelArn"]


def deployment(emulator: Emulator, name: str = "endpoint") -> Any:
    return emulator.control.get_custom_model_deployment(customModelDeploymentIdentifier=name)


def throughput(emulator: Emulator, name: str = "capacity") -> Any:
    return emulator.control.get_provisioned_model_throughput(provisionedModelId=name)


def test_a_deployment_is_active_after_eight_minutes(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA)
    arn = deploy(emulator, description="for a test")
    clock.advance(7.9)
    assert deployment(emulator)["status"] == "Creating"
    clock.advance(0.2)
    assert (deployment(emulator, arn)["status"], deployment(emulator)["description"]) == ("Active", "for a test")


def test_throughput_is_in_service_after_twenty_five_minutes(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", LLAMA)
    arn = provision(emulator)
    clock.advance(24.9)
    assert throughput(emulator)["status"] == "Creating"
    clock.advance(0.2)
    assert (throughput(emulator, arn)["status"], throughput(emulator)["modelUnits"]) == ("InService", 1)


def test_a_model_that_is_not_active_gets_no_endpoint(emulator: Emulator) -> None:
    emulator.add_model("model", NOVA, active=False)
    with pytest.raises(ClientError, match="not Active"):
        deploy(emulator)
    with pytest.raises(ClientError, match="not Active"):
        provision(emulator)


def test_each_kind_of_endpoint_is_only_for_the_models_that_have_it(emulator: Emulator) -> None:
    emulator.add_model("only-provisioned", LLAMA)
    emulator.add_model("only-on-demand", "meta.llama3-3-70b-instruct-v1:0:128k")
    with pytest.raises(ClientError, match=r"ValidationException.*On-demand deployment is not supported"):
        deploy(emulator, model="only-provisioned")
    with pytest.raises(ClientError, match=r"ValidationException.*Provisioned throughput is not supported"):
        provision(emulator, model="only-on-demand")


def test_a_deployments_model_is_swapped_behind_the_same_arn(emulator: Emulator, clock: ManualClock) -> None:
    old, new = emulator.add_model("model", NOVA), emulator.add_model("better", NOVA)
    arn = deploy(emulator)
    clock.advance(8)
    update = {"customModelDeploymentIdentifier": arn, "modelArn": new}
    assert emulator.control.update_custom_model_deployment(**update)["customModelDeploymentArn"] == arn
    during = deployment(emulator)
    assert (during["status"], during["modelArn"]) == ("Active", old)
    assert during["updateDetails"] == {"modelArn": new, "updateStatus": "Updating"}
    with pytest.raises(ClientError, match=r"ValidationException.*mutating state"):
        emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    clock.advance(5)
    after = deployment(emulator)
    assert (after["modelArn"], after["updateDetails"]["updateStatus"]) == (new, "UpdateCompleted")


def test_a_failed_swap_leaves_the_old_model_in_service(emulator: Emulator, clock: ManualClock) -> None:
    old, new = emulator.add_model("model", NOVA), emulator.add_model("better", NOVA)
    arn = deploy(emulator)
    clock.advance(8)
    emulator.admin.inject("update-fails")
    emulator.control.update_custom_model_deployment(customModelDeploymentIdentifier=arn, modelArn=new)
    clock.advance(5)
    after = deployment(emulator)
    assert (after["modelArn"], after["updateDetails"]["updateStatus"]) == (old, "UpdateFailed")


def test_throughput_takes_only_models_of_its_own_base(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA)
    better = emulator.add_model("better", NOVA)
    emulator.add_model("other", LITE)
    provision(emulator)
    clock.advance(25)
    with pytest.raises(ClientError, match="same base model"):
        emulator.control.update_provisioned_model_throughput(provisionedModelId="capacity", desiredModelId="other")
    emulator.control.update_provisioned_model_throughput(
        provisionedModelId="capacity", desiredModelId="better", desiredProvisionedModelName="renamed"
    )
    during = throughput(emulator, "renamed")
    assert (during["status"], during["desiredModelArn"]) == ("Updating", better)
    clock.advance(10)
    assert (throughput(emulator, "renamed")["status"], throughput(emulator, "renamed")["modelArn"]) == (
        "InService",
        better,
    )


def test_an_endpoint_in_creation_cannot_be_deleted(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA)
    deploy(emulator)
    provision(emulator)
    with pytest.raises(ClientError, match=r"ValidationException.*mutating state"):
        emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier="endpoint")
    with pytest.raises(ClientError, match="ConflictException"):
        emulator.control.delete_provisioned_model_throughput(provisionedModelId="capacity")
    clock.advance(25)
    emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier="endpoint")
    emulator.control.delete_provisioned_model_throughput(provisionedModelId="capacity")
    assert emulator.admin.ledger().open == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deployment(emulator)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        throughput(emulator)


def test_committed_throughput_stays_until_its_term_ends(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA)
    provision(emulator, commitmentDuration="OneMonth")
    clock.advance(60)
    with pytest.raises(ClientError, match="commitment"):
        emulator.control.delete_provisioned_model_throughput(provisionedModelId="capacity")
    clock.advance(30 * 24 * 60)
    emulator.control.delete_provisioned_model_throughput(provisionedModelId="capacity")


def test_a_used_name_is_a_validation_error_and_a_used_token_the_same_endpoint(emulator: Emulator) -> None:
    emulator.add_model("model", NOVA)
    first = deploy(emulator, clientRequestToken="one")
    assert deploy(emulator, clientRequestToken="one") == first
    capacity = provision(emulator, clientRequestToken="two")
    assert provision(emulator, clientRequestToken="two") == capacity
    with pytest.raises(ClientError, match=r"ValidationException.*already exists"):
        deploy(emulator)
    with pytest.raises(ClientError, match=r"ValidationException.*already exists"):
        provision(emulator)
    with pytest.raises(ClientError, match=r"ValidationException.*different parameters"):
        deploy(emulator, name="other", clientRequestToken="one")


def test_two_deployments_in_creation_ten_in_all_and_two_units_are_the_quotas(
    emulator: Emulator, clock: ManualClock
) -> None:
    emulator.add_model("model", NOVA)
    for number in range(10):
        deploy(emulator, f"endpoint-{number}")
        if number % 2:
            with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
                deploy(emulator, "one-more")
            clock.advance(8)
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        deploy(emulator, "one-more")
    provision(emulator, modelUnits=2)
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        provision(emulator, "more")


def test_endpoints_are_listed_by_filter(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA)
    other = emulator.add_model("other", NOVA)
    deploy(emulator, "first")
    clock.advance(8)
    deploy(emulator, "second", "other")
    provision(emulator, "third", "other")
    found = emulator.control.list_custom_model_deployments
    assert [one["customModelDeploymentName"] for one in found(statusEquals="Active")["modelDeploymentSummaries"]] == [
        "first"
    ]
    by_model = found(modelArnEquals=other)["modelDeploymentSummaries"]
    assert [one["customModelDeploymentName"] for one in by_model] == ["second"]
    assert len(found(createdAfter=clock.now())["modelDeploymentSummaries"]) == 0
    capacity = emulator.control.list_provisioned_model_throughputs(nameContains="thi", modelArnEquals=other)
    assert [one["provisionedModelName"] for one in capacity["provisionedModelSummaries"]] == ["third"]


@pytest.mark.parametrize(("fault", "end"), [("endpoint-never-ready", "Creating"), ("endpoint-fails", "Failed")])
def test_an_endpoint_can_fail_or_never_become_ready(
    emulator: Emulator, clock: ManualClock, fault: str, end: str
) -> None:
    emulator.add_model("model", NOVA)
    emulator.admin.inject(f"{fault}:2")
    deploy(emulator)
    provision(emulator)
    clock.advance(600)
    assert (deployment(emulator)["status"], throughput(emulator)["status"]) == (end, end)


def test_tags_are_set_listed_and_removed(emulator: Emulator) -> None:
    emulator.add_model("model", NOVA)
    arn = deploy(emulator, tags=[{"key": "run", "value": "1"}, {"key": "stack", "value": "s"}])
    emulator.control.tag_resource(resourceARN=arn, tags=[{"key": "run", "value": "2"}])
    emulator.control.untag_resource(resourceARN=arn, tagKeys=["stack"])
    assert emulator.control.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "run", "value": "2"}]
    many = [{"key": f"key-{number}", "value": ""} for number in range(50)]
    with pytest.raises(ClientError, match="TooManyTagsException"):
        emulator.control.tag_resource(resourceARN=arn, tags=many)  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        emulator.control.list_tags_for_resource(resourceARN=arn[:-12] + "0" * 12)


def test_the_ledger_bills_hours_until_deletion_and_names_what_has_no_price(
    emulator: Emulator, clock: ManualClock
) -> None:
    emulator.add_model("priced", LITE)
    emulator.add_model("unpriced", LLAMA)
    provision(emulator, "priced", "priced")
    unpriced = provision(emulator, "unpriced", "unpriced")
    clock.advance(60)
    emulator.control.delete_provisioned_model_throughput(provisionedModelId="priced")
    clock.advance(600)
    ledger = emulator.admin.ledger()
    bills = {bill.quantity: bill.usd for bill in ledger.billed_usd if bill.item == "throughput"}
    assert bills == {1.0: 108.15, 11.0: None}
    assert ledger.open == [unpriced]
    assert f"throughput of {unpriced}" in ledger.unknown
    assert ledger.total_usd == pytest.approx(108.15 + sum(b.usd or 0 for b in ledger.billed_usd if b.item == "storage"))
    assert {line.name: line.status for line in ledger.endpoints} == {"priced": "Deleted", "unpriced": "Ready"}
