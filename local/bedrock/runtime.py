"""Converse: who answers a model id, and with what."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from finetune.domain.catalog import TEXT_ANSWER_FORMATS, BaseModelRow, base_models
from local.bedrock.answers import REFUSAL, general_answer, rating
from local.bedrock.data_rules import CHARACTERS_PER_TOKEN, tokens_of
from local.bedrock.endpoints import keep_pace
from local.bedrock.errors import ServiceError, invalid, not_found, past_its_end
from local.bedrock.foundation import bare_id, lifecycle, model_is_bare, without_profile
from local.bedrock.records import CustomModel, Endpoint, Usage
from local.bedrock.retrieval import Retriever
from local.bedrock.world import Operation, Params, Result, World

LATENCY_SECONDS, SLOW_SECONDS = 0.6, 60.0
DEFAULT_MAX_TOKENS = 4096


@dataclass(frozen=True)
class Target:
    """What answers: a base model's row, the custom model over it if there is one, and what the tokens are billed to."""

    row: BaseModelRow
    custom: CustomModel | None
    billed_to: str


class Answers:
    """The retrievers of the custom models asked so far."""

    def __init__(self) -> None:
        self._retrievers: dict[str, Retriever] = {}
        self._lock = threading.Lock()

    def of(self, target: Target, question: str) -> str:
        """What a model says to a question."""
        found = self._retriever(target.custom).answer(question) if target.custom else None
        return found if found is not None else general_answer(question)

    def _retriever(self, model: CustomModel) -> Retriever:
        with self._lock:
            if model.arn not in self._retrievers:
                self._retrievers[model.arn] = Retriever(model.pairs)
            return self._retrievers[model.arn]


class Runtime:
    """The runtime's operations."""

    def __init__(self) -> None:
        self._answers = Answers()

    @property
    def operations(self) -> dict[str, Operation]:
        return {"Converse": self.converse}

    def converse(self, world: World, params: Params) -> Result:
        """One answer to a conversation."""
        asked = _conversation(params)
        with world.lock:
            target = _target(world, params["modelId"])
        seconds = SLOW_SECONDS if world.faults.take("slow") else LATENCY_SECONDS
        world.clock.sleep(seconds)
        if world.faults.take("refuse-prompt"):
            raise invalid("The prompt violates the usage policy of the model.")
        tool = params.get("toolConfig", {}).get("toolChoice", {}).get("tool")
        if tool:
            ratings = {} if world.faults.take("garbled-ratings") else rating(asked[-1][1])
            content: list[Result] = [{"toolUse": {"toolUseId": "tool_1", "name": tool["name"], "input": ratings}}]
            text, reason = json.dumps(ratings), "tool_use"
        else:
            text, reason = self._reply(world, target, asked, params.get("inferenceConfig", {}))
            content = [{"text": text}]
        spoken = [part["text"] for part in params.get("system", []) if "text" in part] + [turn for _, turn in asked]
        tokens = {"inputTokens": tokens_of("".join(spoken)), "outputTokens": tokens_of(text)}
        with world.lock:
            _count(world, target, tokens)
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": reason,
            "usage": {**tokens, "totalTokens": sum(tokens.values())},
            "metrics": {"latencyMs": round(seconds * 1000) + 3 * tokens["outputTokens"]},
        }

    def _reply(
        self, world: World, target: Target, asked: Sequence[tuple[str, str]], limits: Mapping[str, Any]
    ) -> tuple[str, str]:
        if world.faults.take("empty-answers"):
            return "", "end_turn"
        if world.faults.take("refusals"):
            return REFUSAL, "end_turn"
        said = [turn for role, turn in asked if role == "user"]
        text = self._answers.of(target, "\n".join([*said, said[-1]]))
        if world.faults.take("content-filtered"):
            return text[: len(text) // 2], "content_filtered"
        return _limited(text, limits)


def _limited(text: str, limits: Mapping[str, Any]) -> tuple[str, str]:
    cuts = [at for sequence in limits.get("stopSequences", []) if (at := text.find(sequence)) >= 0]
    room = limits.get("maxTokens", DEFAULT_MAX_TOKENS) * CHARACTERS_PER_TOKEN
    if cuts and min(cuts) <= room:
        return text[: min(cuts)], "stop_sequence"
    return (text, "end_turn") if len(text) <= room else (text[:room], "max_tokens")


def _conversation(params: Params) -> list[tuple[str, str]]:
    """Role and text of each turn, if they alternate and hold text."""
    turns = [
        (message["role"], "\n".join(block["text"] for block in message["content"] if "text" in block))
        for message in params.get("messages", [])
    ]
    if not turns:
        raise invalid("A conversation must have at least one message. Try again with a conversation that has messages.")
    if turns[0][0] != "user":
        raise invalid(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    roles = [role for role, _ in turns]
    if any(one == other for one, other in pairwise(roles)):
        raise invalid(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )
    if roles[-1] != "user":
        raise invalid("A conversation must end with a user message.")
    for number, message in enumerate(params["messages"]):
        _refuse_blank(number, message["content"])
    return turns


def _refuse_blank(number: int, content: Sequence[Mapping[str, Any]]) -> None:
    """Texts of a turn that say nothing, and a turn without any text."""
    texts = [(index, block["text"]) for index, block in enumerate(content) if "text" in block]
    for index, text in texts or [(0, "")]:
        if not text.strip():
            raise invalid(
                f"The text field in the ContentBlock object at messages.{number}.content.{index} is blank. "
                "Add text to the text field, and try again."
            )


def _target(world: World, identifier: str) -> Target:
    endpoints: Mapping[str, Endpoint] = {**world.state.deployments, **world.state.throughputs}
    model_id = bare_id(identifier.rpartition(":inference-profile/")[2])
    if model_id.startswith("arn:"):
        return _endpoint(world, endpoints.get(identifier), identifier)
    row = _base_model(world, model_id)
    return _answering(row, None, row.inference_id)


def _endpoint(world: World, endpoint: Endpoint | None, identifier: str) -> Target:
    if endpoint is None or endpoint.deleted_at is not None:
        raise not_found(f"Could not find the endpoint {identifier}.")
    now = world.now()
    if endpoint.phase(now) != "Ready" or world.faults.take("not-ready"):
        raise ServiceError("ModelNotReadyException", "The model is not ready for inference. Wait and try again.")
    custom = world.state.models.get(endpoint.serving(now))
    row = custom.row if custom else base_models()[endpoint.base_model_id]
    keep_pace(world, endpoint, row.requests_per_minute)
    return _answering(row, custom, endpoint.arn)


def _answering(row: BaseModelRow, custom: CustomModel | None, billed_to: str) -> Target:
    formats = {rules.record_format for rules in row.methods.values()}
    own = {row.methods[custom.customization_type].record_format} if custom else formats
    if own and not own & TEXT_ANSWER_FORMATS:
        raise invalid(
            "This action doesn't support the model that you provided. Try again with a supported text or chat model."
        )
    return Target(row, custom, billed_to)


def _base_model(world: World, model_id: str) -> BaseModelRow:
    rows = base_models().values()
    row = next((one for one in rows if model_id in {one.inference_id, f"us.{without_profile(one.inference_id)}"}), None)
    if row is None:
        raise _cannot_invoke(model_id)
    if lifecycle(world, row) == "RETIRED":
        raise past_its_end(" Please refer to the AWS documentation for more details.")
    return row


def _cannot_invoke(model_id: str) -> ServiceError:
    """Ids of base models that are right elsewhere: behind an inference profile, or with a context length."""
    bare = {without_profile(one.inference_id): one for one in base_models().values()}
    if model_id not in bare:
        row = bare.get(model_id.rpartition(":")[0])
        if row is None:
            return invalid("The provided model identifier is invalid.")
        if model_is_bare(row):
            return not_found("Model not found.")
        return invalid("The provided model doesn't support on-demand throughput.")
    return invalid(
        f"Invocation of model ID {model_id} with on-demand throughput isn’t supported. "  # noqa: RUF001 - its own character
        "Retry your request with the ID or ARN of an inference profile that contains this model."
    )


def _count(world: World, target: Target, tokens: Mapping[str, int]) -> None:
    usage = world.state.usage.setdefault(target.billed_to, Usage(model_id=target.row.id))
    usage.input_tokens += tokens["inputTokens"]
    usage.output_tokens += tokens["outputTokens"]
