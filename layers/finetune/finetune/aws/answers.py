"""Where answers are kept: in the run's folder as they come, and for later runs under what they follow from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.json_lines import from_jsonl, to_jsonl
from finetune.run import Run
from finetune.settings import Inference

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pydantic import BaseModel

# A crash costs at most the answers of this time; saving more often would cost more than asking again.
SAVE_SECONDS = 5.0


# Who gives other answers after a rematch, because another model is in service.
_OF_ONE_MATCH = {"champion", "judge"}


def uri(run: Run, contestant: str, shard: int) -> str:
    """Where a run keeps a contestant's answers to a shard; a rematch has those of the new champion apart."""
    again = f"-{run.rematches + 1}" if run.rematches and contestant in _OF_ONE_MATCH else ""
    return run.uri(f"answers/{contestant}{again}/{shard:03}.jsonl")


def earlier_uri(run: Run, model: str, inference: Inference, items: Iterable[EvaluationItem]) -> str:
    """Where runs of the project keep one model's answers to exactly these items, asked with the same parameters.

    The name is made from the model's id, not the endpoint's: an endpoint that serves another model has other answers.
    """
    asked = orjson.dumps({"model": model, "inference": inference.model_dump()}, option=orjson.OPT_SORT_KEYS)
    bucket, _ = storage.split_uri(run.folder)
    return f"s3://{bucket}/answers-cache/{run.slug}/{sha256(asked + to_jsonl(items)).hexdigest()}.jsonl"


def load(s3: S3Client, location: str) -> dict[str, Answer]:
    """The answers kept at a location by item; none when there is nothing yet, or nothing that this release can read."""
    try:
        return {answer.id: answer for answer in from_jsonl(storage.read(s3, location) or b"", Answer)}
    except ValueError:
        return {}


def reusable(found: Mapping[str, Answer]) -> dict[str, Answer]:
    """Those that ended well and have text: one bad hour of a model must not decide about later runs."""
    return {key: answer for key, answer in found.items() if answer.outcome == "answered"}


def save(s3: S3Client, location: str, kept: Iterable[BaseModel]) -> None:
    storage.write(s3, location, to_jsonl(kept), "application/jsonl")


def saved_as_they_come[Kept: BaseModel](
    s3: S3Client,
    location: str,
    saved: Iterable[Kept],
    coming: Iterable[Kept],
    *,
    now: Callable[[], float] = time.monotonic,
) -> list[Kept]:
    """Everything saved before and everything that comes, written every few seconds and at the end, whatever ends it."""
    kept, saved_at, unsaved = list(saved), now(), False
    try:
        for each in coming:
            kept.append(each)
            unsaved = now() - saved_at < SAVE_SECONDS
            if not unsaved:
                save(s3, location, kept)
                saved_at = now()
    finally:
        if unsaved:
            save(s3, location, kept)
    return kept
