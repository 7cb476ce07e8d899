"""Asking every contestant its items by Converse, item by item, so that a shard can stop and go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from finetune.aws import answers, storage
from finetune.aws.allowance import Allowance, metered, paid_until
from finetune.aws.asking import FAULTS, ask_all, converse
from finetune.aws.llm_judge import chosen, judge_shard, judged
from finetune.contracts import EvaluateShardInput, EvaluateShardOutput, SelectModelOutput
from finetune.domain.catalog import base_model
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.expense import longest_answer
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE, Pace, workers
from finetune.domain.json_lines import from_jsonl
from finetune.errors import EndpointFailed, EvaluationUnfinished
from finetune.parts import Endpoint
from finetune.run import Run

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_s3 import S3Client

# A shard that keeps less than this for itself could be cut off with its answers unsaved.
RESERVE_SECONDS = 45


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who answers: `asked_as` is the id that Converse takes, `model` what is behind it now."""

    name: str
    asked_as: str
    model: str

    @property
    def paid_by_token(self) -> bool:
        return ":provisioned-model/" not in self.asked_as


@dataclass(frozen=True, slots=True)
class ShardContext:
    """What a shard is worked on with; `remaining` is the seconds it has."""

    runtime: BedrockRuntimeClient
    s3: S3Client
    request: EvaluateShardInput
    items: tuple[EvaluationItem, ...]
    allowance: Allowance
    remaining: Callable[[], float]


def contestants(run: Run, endpoint: Endpoint, model: SelectModelOutput) -> tuple[Contestant, ...]:
    """Base model and candidate, and the champion while another model is in service."""
    base, champion = base_model(run.settings.base_model).inference_id, run.champion
    in_service = (Contestant("champion", champion.endpoint_arn, champion.model_arn),) if champion else ()
    candidate = Contestant("candidate", endpoint.arn, model.model_arn or endpoint.arn)
    return (Contestant("base", base, base), *in_service, candidate)


def evaluate_shard(
    runtime: BedrockRuntimeClient, s3: S3Client, request: EvaluateShardInput, *, remaining: Callable[[], float]
) -> EvaluateShardOutput:
    """Every contestant's answers to one shard; `remaining` is the seconds left.

    EvaluationUnfinished when time runs out; what was answered is kept and not asked again.
    """
    shard = request.shard
    every = from_jsonl(storage.read(s3, request.prepared.evaluation_uri or "") or b"", EvaluationItem)
    items = every[shard.first :][: shard.count]
    asked = contestants(request.run, request.endpoint, request.model)
    kept = {each.name: answers.load(s3, answers.uri(request.run, each.name, shard.index)) for each in asked}
    paid = [each.name for each in asked if each.paid_by_token]
    given, reused = dict[str, dict[str, Answer]](), 0
    with metered(s3, request, items, kept, paid, {item.id for item in chosen(request.run, every)}) as allowance:
        context = ShardContext(runtime, s3, request, items, allowance, lambda: remaining() - RESERVE_SECONDS)
        for contestant in asked:
            found, known = _answers_of(context, contestant, kept[contestant.name])
            given[contestant.name] = {answer.id: answer for answer in found}
            reused += known
        pairs = judged(request.run, every, items, given)
        judge_shard(runtime, s3, request, pairs, allowance, context.remaining)
    answered = sum(answer.error is None for by_item in given.values() for answer in by_item.values())
    return EvaluateShardOutput(index=shard.index, asked=len(items) * len(asked), answered=answered, reused=reused)


def _answers_of(context: ShardContext, contestant: Contestant, kept: Mapping[str, Answer]) -> tuple[list[Answer], int]:
    """One contestant's answers to the shard, and how many of them an earlier run had got already."""
    run, shard = context.request.run, context.request.shard
    own = answers.uri(run, contestant.name, shard.index)
    earlier = answers.earlier_uri(run, contestant.model, run.settings.inference, context.items)
    known = answers.reusable(answers.load(context.s3, earlier)) if len(kept) < len(context.items) else {}
    new = {key: answer.model_copy(update={"paid": False}) for key, answer in known.items() if key not in kept}
    quota = base_model(run.settings.base_model).requests_per_minute
    coming = ask_all(
        lambda item: _ask(context, contestant, item),
        [item for item in context.items if item.id not in kept and item.id not in new],
        pace=Pace(quota, SHARDS_AT_ONCE),
        workers=workers(quota, SHARDS_AT_ONCE),
        remaining=context.remaining,
    )
    if contestant.name == "candidate":
        coming = _while_it_exists(contestant, coming)
    given = answers.saved_as_they_come(context.s3, own, kept.values(), chain(new.values(), coming))
    if len(given) < len(context.items):
        left = len(context.items) - len(given)
        raise EvaluationUnfinished(
            f"Shard {shard.index}: {contestant.name} still has {left} items to answer; they are asked next."
        )
    # The project's endpoint may change its model while it is asked, so the champion's answers are for this run alone.
    good = answers.reusable({answer.id: answer for answer in given})
    if contestant.name != "champion" and len(good) > len(known):
        answers.save(context.s3, earlier, good.values())
    return given, len(new)


def _ask(context: ShardContext, contestant: Contestant, item: EvaluationItem) -> Answer:
    """One answer within what may be spent and the time that is paid for."""
    until, allowance = paid_until(context.request), context.allowance
    parameters = inference_config(context.request.run, item)
    if not contestant.paid_by_token:
        return ask(context.runtime, contestant, item, parameters, until)
    with allowance.meter.asking(allowance.most_answer_usd(item)) as receipt:
        answer = ask(context.runtime, contestant, item, parameters, until)
        if answer.error not in FAULTS:
            receipt.paid(allowance.answer_usd(answer))
        return answer


def _while_it_exists(contestant: Contestant, coming: Iterable[Answer]) -> Iterator[Answer]:
    """The answers; EndpointFailed when the run's endpoint has gone, as after a redrive of a run that was cleaned up."""
    for answer in coming:
        if answer.error == "ResourceNotFoundException":
            raise EndpointFailed(f"{contestant.asked_as} has been deleted, so the custom model cannot be asked.")
        yield answer


def inference_config(run: Run, item: EvaluationItem) -> Mapping[str, float]:
    """Converse's parameters for an item, the same for every contestant."""
    chosen = run.settings.inference
    longest = longest_answer(item, base_model(run.settings.base_model), chosen.max_tokens)
    nucleus = {} if chosen.top_p is None else {"topP": chosen.top_p}
    return {"temperature": chosen.temperature, "maxTokens": longest, **nucleus}


def ask(
    runtime: BedrockRuntimeClient,
    contestant: Contestant,
    item: EvaluationItem,
    parameters: Mapping[str, float],
    until: datetime | None = None,
) -> Answer:
    """One answer, or the code of the error that came instead."""
    request: dict[str, Any] = {
        "modelId": contestant.asked_as,
        "messages": [{"role": turn.role, "content": [{"text": turn.text}]} for turn in item.messages],
        "inferenceConfig": dict(parameters),
    }
    if item.system:
        request["system"] = [{"text": item.system}]
    reply, error = converse(runtime, request, until)
    if error:
        return Answer(id=item.id, error=error)
    return Answer(
        id=item.id,
        text="".join(block.get("text", "") for block in reply["output"]["message"]["content"]),
        stop_reason=reply["stopReason"],
        input_tokens=reply["usage"]["inputTokens"],
        output_tokens=reply["usage"]["outputTokens"],
        latency_ms=reply["metrics"]["latencyMs"],
        paid=contestant.paid_by_token,
    )
