"""Asking a contestant its items by Converse, item by item, so that a shard can stop and go on."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from finetune.aws import storage
from finetune.aws.translation import code_of
from finetune.contracts import EvaluateShardInput, EvaluateShardOutput, Run
from finetune.domain.catalog import base_model
from finetune.domain.evaluation import Answer, answers_from_jsonl, answers_to_jsonl
from finetune.domain.evaluation_set import EvaluationItem, from_jsonl
from finetune.errors import AccessRefused, EvaluationUnfinished

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_s3 import S3Client

MAXIMUM_TOKENS = 1024
# A shard that keeps less than this for itself could be cut off with its answers unsaved.
RESERVE_SECONDS = 45
LONGEST_PAUSE_SECONDS = 20

_AGAIN = frozenset(
    {
        "ThrottlingException",
        "ModelNotReadyException",
        "ModelTimeoutException",
        "InternalServerException",
        "ServiceUnavailableException",
    }
)


def contestants(run: Run, endpoint_arn: str) -> Mapping[str, str]:
    """The model id that Converse takes, by contestant; the champion answers while another model is in service."""
    asked = {"base": base_model(run.settings.base_model).inference_id, "candidate": endpoint_arn}
    return {**asked, "champion": run.champion.endpoint_arn} if run.champion else asked


def answers_uri(run: Run, contestant: str, shard: int) -> str:
    return run.uri(f"answers/{contestant}/{shard:03}.jsonl")


def evaluate_shard(
    runtime: BedrockRuntimeClient, s3: S3Client, request: EvaluateShardInput, *, remaining: Callable[[], float]
) -> EvaluateShardOutput:
    """Every contestant's answers to one shard; `remaining` is the seconds left.

    EvaluationUnfinished when time runs out; what was answered is kept and not asked again.
    """
    run, shard = request.run, request.shard
    items = from_jsonl(storage.read(s3, request.prepared.evaluation_uri or "") or b"")[shard.first :][: shard.count]
    answered = 0
    for contestant, model_id in contestants(run, request.endpoint.arn).items():
        uri = answers_uri(run, contestant, shard.index)
        answers = {answer.id: answer for answer in answers_from_jsonl(storage.read(s3, uri) or b"")}
        missing = [item for item in items if item.id not in answers]
        if missing:
            new, unasked = ask_all(runtime, model_id, missing, remaining=lambda: remaining() - RESERVE_SECONDS)
            answers.update({answer.id: answer for answer in new})
            storage.write(s3, uri, answers_to_jsonl(answers.values()), "application/jsonl")
            if unasked:
                raise EvaluationUnfinished(
                    f"Shard {shard.index}: {contestant} has {unasked} items to go; they are asked next."
                )
        answered += sum(answer.error is None for answer in answers.values())
    return EvaluateShardOutput(
        index=shard.index, asked=len(items) * len(contestants(run, request.endpoint.arn)), answered=answered
    )


def ask_all(
    runtime: BedrockRuntimeClient,
    model_id: str,
    items: Iterable[EvaluationItem],
    *,
    remaining: Callable[[], float],
    pause: Callable[[float], None] = time.sleep,
) -> tuple[list[Answer], int]:
    """Answers in the order they came, and how many items there was no time for; a busy model is asked again later."""
    queue, answers, tries = deque(items), [], 0
    while queue and remaining() > 0:
        item = queue.popleft()
        answer = ask(runtime, model_id, item)
        if answer is None:
            queue.append(item)
            tries += 1
            pause(min(random.uniform(0, 2 ** min(tries, 6)), LONGEST_PAUSE_SECONDS, max(remaining(), 0)))  # noqa: S311 - jitter
        else:
            answers.append(answer)
            tries = 0
    return answers, len(queue)


def ask(runtime: BedrockRuntimeClient, model_id: str, item: EvaluationItem) -> Answer | None:
    """One answer at temperature 0; None when the model is busy; an error code when it refuses the item."""
    request: dict[str, Any] = {
        "modelId": model_id,
        "messages": [{"role": turn.role, "content": [{"text": turn.text}]} for turn in item.messages],
        "inferenceConfig": {"temperature": 0, "maxTokens": MAXIMUM_TOKENS},
    }
    if item.system:
        request["system"] = [{"text": item.system}]
    try:
        reply = runtime.converse(**request)
    except ClientError as error:
        if code_of(error) in _AGAIN:
            return None
        if code_of(error) == "AccessDeniedException":
            raise AccessRefused(f"While asking {model_id}: {error.response['Error'].get('Message', '')}") from error
        return Answer(id=item.id, text="", stop_reason=None, error=code_of(error))
    except BotoCoreError:
        return None
    return Answer(
        id=item.id,
        text="".join(block.get("text", "") for block in reply["output"]["message"]["content"]),
        stop_reason=reply["stopReason"],
        input_tokens=reply["usage"]["inputTokens"],
        output_tokens=reply["usage"]["outputTokens"],
        latency_ms=reply["metrics"]["latencyMs"],
    )
