"""Faults, the emulator's own interface and its request log."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from local.bedrock.admin import Admin, AdminError
from local.bedrock.faults import FAULTS, FaultError, Faults, kebab, short
from local.bedrock.protocol import Protocol
from local.bedrock.runtime import Runtime
from local.bedrock.service import declared_errors
from tests.emulator import Emulator, ManualClock, running_emulator

NOVA = "amazon.nova-micro-v1:0:128k"
OPERATIONS = declared_errors(Protocol(), Runtime())


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(ManualClock()) as running:
        yield running


@pytest.mark.parametrize("name", sorted(Faults(OPERATIONS).known))
def test_every_fault_that_is_listed_can_be_asked_for(name: str) -> None:
    faults = Faults(OPERATIONS)
    assert faults.known[name]
    faults.inject(f"{name}:2")
    assert [faults.take(name) is not None for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_fault_may_spell_an_operation_in_full_or_short(operation: str) -> None:
    faults = Faults(OPERATIONS)
    assert faults.parse(f"throttle-{kebab(operation)}").name == faults.parse(f"throttle-{short(operation)}").name


def test_a_fault_starts_at_the_event_that_is_asked_for_and_can_last() -> None:
    faults = Faults(OPERATIONS)
    faults.inject("throttle-converse@3:2")
    assert [faults.refuses("throttle", "Converse") for _ in range(6)] == [False, False, True, True, False, False]
    faults.inject("slow:always")
    assert all(faults.take("slow") for _ in range(1000))
    assert faults.pending() == ["slow:always"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("fail-jobs", "'fail-jobs' does not exist; known are"),
        ("quota-get-job", "does not exist"),
        ("conflict-create-deployment", "does not exist"),
        ("fail-job:0", "not of the form"),
        ("Fail Job", "not of the form"),
    ],
)
def test_a_fault_that_does_not_exist_is_explained_in_a_sentence(spec: str, words: str) -> None:
    with pytest.raises(FaultError, match=words) as refused:
        Faults(OPERATIONS).parse(spec)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttle-list-models", "ThrottlingException"),
        ("internal-error-list-models", "InternalServerException"),
        ("deny-list-models", "AccessDeniedException"),
    ],
)
def test_a_refused_call_is_answered_as_asked_once(emulator: Emulator, fault: str, code: str) -> None:
    emulator.admin.inject(fault)
    with pytest.raises(ClientError, match=code):
        emulator.control.list_custom_models()
    emulator.control.list_custom_models()


def test_quota_and_conflict_refuse_only_what_declares_them(emulator: Emulator) -> None:
    arn = emulator.add_model("model", NOVA)
    emulator.admin.inject("quota-create-deployment", "conflict-delete-model")
    with pytest.raises(ClientError, match="ServiceQuotaExceededException"):
        emulator.control.create_custom_model_deployment(modelDeploymentName="one", modelArn=arn)
    with pytest.raises(ClientError, match="ConflictException"):
        emulator.control.delete_custom_model(modelIdentifier="model")


def test_a_lost_response_leaves_its_effect_and_a_repeat_finds_it(emulator: Emulator) -> None:
    asked: Any = {
        "modelDeploymentName": "one",
        "modelArn": emulator.add_model("model", NOVA),
        "clientRequestToken": "token",
    }
    emulator.admin.inject("lose-response-create-deployment")
    with pytest.raises(ConnectionClosedError):
        emulator.control.create_custom_model_deployment(**asked)
    open_endpoints = emulator.admin.ledger().open
    assert len(open_endpoints) == 1
    assert emulator.control.create_custom_model_deployment(**asked)["customModelDeploymentArn"] == open_endpoints[0]


def test_the_request_log_tells_operation_caller_and_outcome(emulator: Emulator) -> None:
    emulator.admin.inject("throttle-list-models", "lose-response-list-foundation-models")
    with pytest.raises(ClientError):
        emulator.control.list_custom_models()
    with pytest.raises(ConnectionClosedError):
        emulator.control.list_foundation_models()
    control, _ = emulator.clients_of("reader")
    with pytest.raises(ClientError):
        control.list_custom_models()
    lines = [(one.operation, one.caller.rsplit("/", 1)[-1], one.status, one.error) for one in emulator.admin.requests()]
    assert lines == [
        ("ListCustomModels", "root", 429, "ThrottlingException"),
        ("ListFoundationModels", "root", 0, "ResponseLost"),
        ("ListCustomModels", "reader", 403, "AccessDeniedException"),
    ]


def test_faults_can_be_listed_and_forgotten(emulator: Emulator) -> None:
    emulator.admin.inject("fail-job:2", "slow")
    assert emulator.admin.pending_faults() == ["fail-job:2", "slow:1"]
    emulator.admin.clear_faults()
    assert emulator.admin.pending_faults() == []
    assert FAULTS.items() <= emulator.admin.known_faults().items()


def test_the_interface_refuses_in_a_sentence(emulator: Emulator) -> None:
    with pytest.raises(AdminError, match="does not exist; known are"):
        emulator.admin.inject("slow", "no-such-fault")
    assert emulator.admin.pending_faults() == []
    with pytest.raises(AdminError, match=r"no base model 'amazon\.nova-micro-v1:0'"):
        emulator.admin.activate("amazon.nova-micro-v1:0")
    with pytest.raises(AdminError, match="There is no GET /_local/other;"):
        emulator.admin._call("GET", "other")
    with pytest.raises(AdminError, match="regions: Input should be"):
        emulator.admin._call("POST", "catalog", {"regions": 1})


def test_the_interface_is_for_root_only(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.clients_of("reader")
    signed_by_reader = "AWS4-HMAC-SHA256 Credential=reader/20260101/local/bedrock/aws4_request, SignedHeaders=host"
    monkeypatch.setattr("local.bedrock.admin._AUTHORIZATION", signed_by_reader)
    with pytest.raises(AdminError, match="Only root"):
        Admin(emulator.endpoint).ledger()


def test_base_models_are_described_with_and_without_their_suffix(emulator: Emulator) -> None:
    suffixed = emulator.control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]
    bare = emulator.control.get_foundation_model(modelIdentifier=NOVA.rpartition(":")[0])["modelDetails"]
    assert (suffixed["customizationsSupported"], suffixed["inferenceTypesSupported"]) == (
        ["FINE_TUNING"],
        ["PROVISIONED"],
    )
    assert (bare["customizationsSupported"], bare["inferenceTypesSupported"]) == ([], ["ON_DEMAND"])
    assert suffixed["modelLifecycle"]["status"] == "ACTIVE"
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*end of its life"):
        emulator.control.get_foundation_model(modelIdentifier="meta.llama2-13b-v1:0:4k")
    for gone in ("anthropic.claude-3-haiku-20240307-v1:0", "meta.llama3-2-1b-instruct-v1:0"):
        with pytest.raises(ClientError, match=r"ValidationException.*model identifier is invalid"):
            emulator.control.get_foundation_model(modelIdentifier=gone)


def test_base_models_are_listed_by_filter(emulator: Emulator) -> None:
    found = emulator.control.list_foundation_models(byProvider="amazon", byCustomizationType="FINE_TUNING")
    ids = {one["modelId"] for one in found["modelSummaries"]}
    assert NOVA in ids
    assert "amazon.nova-micro-v1:0" not in ids
    images = emulator.control.list_foundation_models(byOutputModality="IMAGE")["modelSummaries"]
    assert {one["modelId"] for one in images} == {"amazon.titan-image-generator-v2:0"}
