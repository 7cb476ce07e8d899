"""Asking the judge about a shard's answers; what it said is kept beside them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from finetune.aws import answers, storage
from finetune.aws.asking import FAULTS, ask_all, converse
from finetune.domain.evaluation import llm_judge
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import JudgeSettings
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
    settings = run.settings.judge
    if settings.model is None:
        return ()
    names = {item.id for item in llm_judge.sample(every, settings.items, run.settings.split.seed)}
    before = given["champion" if "champion" in given else "base"]
    return llm_judge.pairs([item for item in items if item.id in names], before, given["candidate"])


def judge_shard(
    runtime: BedrockRuntimeClient,
    s3: S3Client,
    run: Run,
    shard: int,
    pairs: Sequence[Pair],
    remaining: Callable[[], float],
) -> None:
    """Have every pair judged that was not yet; EvaluationUnfinished when time runs out, with all judgements kept."""
    uri = answers.uri(run, "judge", shard)
    kept = judgements(s3, run, shard) if pairs else ()
    names = {one.id for one in kept}
    coming = ask_all(
        lambda pair: _ask(runtime, run.settings.judge, pair),
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


def _ask(runtime: BedrockRuntimeClient, settings: JudgeSettings, pair: Pair) -> Judgement:
    """One judgement; a judge that may not be asked has judged nothing, which does not end the run."""
    try:
        reply, error = converse(runtime, llm_judge.request(pair, settings, secrets.token_hex(8)))
    except AccessRefused:
        error = "AccessDeniedException"
    return Judgement(id=pair.id, item=pair.item.id, error=error) if error else llm_judge.read(pair, reply)
