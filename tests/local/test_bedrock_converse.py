"""Converse: which ids answer, what they say, how fast, and what the answers cost."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.bedrock.answers import REFUSAL
from tests.emulator import ACCOUNT, REGION, Emulator, ManualClock, running_emulator

NOVA = "amazon.nova-micro-v1:0:128k"
PAIRS = [
    ("How do I mend the red router?", "Hold its button for ten seconds."),
    ("How do I mend the blue lamp?", "Change the bulb."),
    ("When does the shop open?", "At nine."),
]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    with running_emulator(clock) as running:
        yield running


def endpoint(emulator: Emulator, clock: ManualClock, base: str = NOVA) -> str:
    arn = emulator.add_model("model", base, PAIRS)
    created = emulator.control.create_custom_model_deployment(modelDeploymentName="endpoint", modelArn=arn)
    clock.advance(8)
    return created["customModelDeploymentArn"]


def ask(emulator: Emulator, model: str, question: str = PAIRS[0][0], **more: Any) -> Any:
    messages = [{"role": "user", "content": [{"text": question}]}]
    return emulator.runtime.converse(modelId=model, messages=messages, **more)  # type: ignore[arg-type]


def text(response: Any) -> str:
    return str(response["output"]["message"]["content"][0]["text"])


def test_a_custom_model_answers_as_the_nearest_training_prompt(emulator: Emulator, clock: ManualClock) -> None:
    arn = endpoint(emulator, clock)
    answer = ask(emulator, arn, "How can I mend a blue lamp?", system=[{"text": "Be brief."}])
    assert (text(answer), answer["stopReason"]) == ("Change the bulb.", "end_turn")
    assert answer["usage"] == {"inputTokens": 9, "outputTokens": 4, "totalTokens": 13}
    assert answer["metrics"]["latencyMs"] > 500
    tokens = {bill.item: bill.quantity for bill in emulator.admin.ledger().billed_usd if bill.resource == arn}
    assert tokens == {"input tokens": 9, "output tokens": 4}


def test_a_question_that_nothing_trained_resembles_gets_a_general_answer(
    emulator: Emulator, clock: ManualClock
) -> None:
    question = "Which planets have rings?"
    assert text(ask(emulator, endpoint(emulator, clock), question)) == text(
        ask(emulator, "amazon.nova-micro-v1:0", question)
    )


def test_a_base_model_knows_nothing_of_the_dataset(emulator: Emulator) -> None:
    answer = text(ask(emulator, "us.amazon.nova-2-lite-v1:0"))
    assert "router" in answer
    assert "ten seconds" not in answer
    assert answer != text(ask(emulator, "us.amazon.nova-2-lite-v1:0", PAIRS[1][0]))


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("amazon.nova-2-lite-v1:0", "ValidationException", "with on-demand throughput isn"),
        ("amazon.nova-2-lite-v1:0:256k", "ValidationException", "doesn't support on-demand throughput"),
        (NOVA, "ResourceNotFoundException", "Model not found."),
        ("no.such-model-v1:0", "ValidationException", "identifier is invalid"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "ResourceNotFoundException", "end of its life"),
        ("amazon.titan-image-generator-v2:0", "ValidationException", "doesn't support the model"),
        (f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model-deployment/000000000000", "ResourceNotFoundException", ""),
        (
            f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model/{NOVA}/000000000000",
            "ValidationException",
            "'modelId' failed",
        ),
    ],
)
def test_ids_that_cannot_be_invoked_are_refused_as_the_service_does(
    emulator: Emulator, model: str, code: str, words: str
) -> None:
    with pytest.raises(ClientError) as refused:
        ask(emulator, model)
    error = refused.value.response["Error"]
    assert (error["Code"], words in error["Message"]) == (code, True), error


def test_a_base_model_answers_by_id_by_arn_and_through_its_profile(emulator: Emulator) -> None:
    profile = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/us.amazon.nova-micro-v1:0"
    bare = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-micro-v1:0"
    answers = {text(ask(emulator, model)) for model in ("us.amazon.nova-micro-v1:0", profile, bare)}
    assert len(answers) == 1


def test_an_endpoint_that_is_not_ready_says_so(emulator: Emulator) -> None:
    arn = emulator.add_model("model", NOVA, PAIRS)
    created = emulator.control.create_custom_model_deployment(modelDeploymentName="endpoint", modelArn=arn)
    with pytest.raises(ClientError, match="ModelNotReadyException") as refused:
        ask(emulator, created["customModelDeploymentArn"])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_throughput_answers_and_is_not_billed_by_the_token(emulator: Emulator, clock: ManualClock) -> None:
    emulator.add_model("model", NOVA, PAIRS)
    created = emulator.control.create_provisioned_model_throughput(
        provisionedModelName="capacity", modelId="model", modelUnits=1
    )
    clock.advance(25)
    assert text(ask(emulator, created["provisionedModelArn"])) == PAIRS[0][1]
    assert not [bill for bill in emulator.admin.ledger().billed_usd if "tokens" in bill.item]


def test_the_old_model_answers_until_the_swap_is_over(emulator: Emulator, clock: ManualClock) -> None:
    arn = endpoint(emulator, clock)
    new = emulator.add_model("better", NOVA, [(PAIRS[0][0], "Buy another one.")])
    emulator.control.update_custom_model_deployment(customModelDeploymentIdentifier=arn, modelArn=new)
    assert text(ask(emulator, arn)) == PAIRS[0][1]
    clock.advance(5)
    assert text(ask(emulator, arn)) == "Buy another one."


@pytest.mark.parametrize(
    ("limits", "answer", "reason"),
    [
        ({"maxTokens": 2}, "Hold its", "max_tokens"),
        ({"stopSequences": [" for"]}, "Hold its button", "stop_sequence"),
        ({"maxTokens": 8, "temperature": 0.0}, PAIRS[0][1], "end_turn"),
    ],
)
def test_an_answer_keeps_to_its_limits(
    emulator: Emulator, clock: ManualClock, limits: dict[str, Any], answer: str, reason: str
) -> None:
    response = ask(emulator, endpoint(emulator, clock), inferenceConfig=limits)
    assert (text(response), response["stopReason"]) == (answer, reason)
    assert response["usage"]["outputTokens"] == math.ceil(len(answer) / 4)


def test_a_slow_model_throttles_after_its_requests_of_a_minute(emulator: Emulator, clock: ManualClock) -> None:
    arn = endpoint(emulator, clock, "meta.llama3-3-70b-instruct-v1:0:128k")
    for _ in range(4):
        ask(emulator, arn)
    with pytest.raises(ClientError, match="ThrottlingException"):
        ask(emulator, arn)
    clock.advance(1)
    ask(emulator, arn)


@pytest.mark.parametrize(
    ("fault", "answer", "reason"),
    [
        ("empty-answers", "", "end_turn"),
        ("refusals", REFUSAL, "end_turn"),
        ("content-filtered", PAIRS[0][1][:16], "content_filtered"),
        ("slow", PAIRS[0][1], "end_turn"),
    ],
)
def test_answers_can_be_spoiled(emulator: Emulator, clock: ManualClock, fault: str, answer: str, reason: str) -> None:
    arn = endpoint(emulator, clock)
    emulator.admin.inject(fault)
    spoiled = ask(emulator, arn)
    assert (text(spoiled), spoiled["stopReason"]) == (answer, reason)
    assert text(ask(emulator, arn)) == PAIRS[0][1]


@pytest.mark.parametrize(
    ("roles", "words"),
    [([], "at least one message"), (["assistant"], "start with a user"), (["user", "user"], "alternate")],
)
def test_a_conversation_alternates_and_starts_with_the_user(emulator: Emulator, roles: list[str], words: str) -> None:
    messages = [{"role": role, "content": [{"text": "hello"}]} for role in roles]
    with pytest.raises(ClientError, match=words):
        emulator.runtime.converse(modelId="amazon.nova-micro-v1:0", messages=messages)  # type: ignore[arg-type]
