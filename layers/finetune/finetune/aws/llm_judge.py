"""Asking the judge about a shard's answers; what it said is kept beside them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from finetune.aws import answers, storage
from finetune.aws.allowance import Allowance, paid_until
from finetune.aws.asking import FAULTS, ask_all, converse
from finetune.contracts import EvaluateShardInput
from finetune.domain.evaluation import llm_judge
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import MALFORMED, Judgement, Pair
from finetune.domain.evaluation.pacing import Pace, workers
from finetune.domain.json_lines import from_jsonl
from finetune.errors import AccessRefused, EvaluationUnfinished
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_s3 import S3Client

# A reply that cannot be read is asked for again twice.
TRIES = 3


def judged(
    run: Run,
    every: Sequence[EvaluationItem],
    items: Sequence[EvaluationItem],
    given: Mapping[str, Mapping[str, Answer]],
) -> tuple[Pair, ...]:
    """What the judge is to compare among these items of the whole set: the candidate with what it would replace."""
    names = {item.id for item in chosen(run, every)}
    if not names:
        return ()
    before = given["champion" if "champion" in given else "base"]
    return llm_judge.pairs([item for item in items if item.id in names], before, given["candidate"])


def chosen(run: Run, every: Sequence[EvaluationItem]) -> tuple[EvaluationItem, ...]:
    """The items of the whole set whose answers the judge is to rate; none where there is no judge."""
    settings = run.settings.judge
    return llm_judge.sample(every, settings.items, run.settings.split.seed) if settings.model else ()


def judge_shard(
    runtime: BedrockRuntimeClient,
    s3: S3Client,
    request: EvaluateShardInput,
    pairs: Sequence[Pair],
    allowance: Allowance,
    remaining: Callable[[], float],
) -> None:
    """Have every pair judged that was not yet; EvaluationUnfinished when time runs out, with all judgements kept."""
    run, shard = request.run, request.shard.index
    uri = answers.uri(run, "judge", shard)
    kept = judgements(s3, run, shard) if pairs else ()
    names = {one.id for one in kept}
    allowance.meter.add(sum(allowance.rating_usd(one) for one in kept))
    coming = ask_all(
        lambda pair: _rate(runtime, request, pair, allowance),
        [pair for pair in pairs if pair.id not in names],
        pace=Pace(),
        workers=workers(None, 1),
        remaining=remaining,
        again=FAULTS | {MALFORMED},
        most=TRIES,
    )
    if len(answers.saved_as_they_come(s3, uri, kept, coming)) < len(pairs):
        raise EvaluationUnfinished(f"Shard {shard}: the judge still has answers to rate; they are rated next.")


def judgements(s3: S3Client, run: Run, shard: int) -> tuple[Judgement, ...]:
    """What the judge has said so far about a shard."""
    return from_jsonl(storage.read(s3, answers.uri(run, "judge", shard)) or b"", Judgement)


def _rate(runtime: BedrockRuntimeClient, request: EvaluateShardInput, pair: Pair, allowance: Allowance) -> Judgement:
    """One judgement within what may be spent and the time that is paid for."""
    with allowance.meter.asking(allowance.most_rating_usd(pair.item)) as receipt:
        judgement = _ask(runtime, request, pair)
        if judgement.error not in FAULTS:
            receipt.paid(allowance.rating_usd(judgement), lost=judgement.error is not None)
        return judgement


def _ask(runtime: BedrockRuntimeClient, request: EvaluateShardInput, pair: Pair) -> Judgement:
    """One judgement; a judge that may not be asked has judged nothing, which does not end the run."""
    asked = llm_judge.request(pair, request.run.settings.judge, secrets.token_hex(8))
    try:
        reply, error = converse(runtime, asked, paid_until(request))
    except AccessRefused as refusal:
        return Judgement(id=pair.id, item=pair.item.id, error="AccessDeniedException", refusal=str(refusal))
    return Judgement(id=pair.id, item=pair.item.id, error=error) if error else llm_judge.read(pair, reply)
