"""The looks at a project's evaluation sets, numbered and written once, so that no two runs have the same number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.aws.written import marked, read_back
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.looks import Look, look_at, number_of
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def written_down(s3: S3Client, run: Run, look: Look) -> int:
    """Write a look down, unless it is there already, and say which look at its set it is."""
    earlier: list[Look] = []
    for number in count(1):
        uri = _uri(run, number)
        content = storage.read(s3, uri)
        if content is None:
            told = orjson.dumps(marked({"run_id": run.run_id, **look.model_dump(mode="json")}))
            if storage.write_once(s3, uri, told, "application/json"):
                break
            content = storage.read(s3, uri) or b""
        there = read_back(Look, content, uri)
        if there.identity == look.identity:
            break
        earlier.append(there)
    return number_of(look, earlier)


def foreseen(s3: S3Client, run: Run, items: Sequence[EvaluationItem]) -> int:
    """Which look at a set the next model's will be; another run may come first."""
    earlier = list[Look]()
    for number in count(1):
        uri = _uri(run, number)
        content = storage.read(s3, uri)
        if content is None:
            return number_of(look_at(items, model="", metric=""), earlier)
        earlier.append(read_back(Look, content, uri))
    raise AssertionError


def _uri(run: Run, number: int) -> str:
    return f"s3://{storage.split_uri(run.folder)[0]}/looks/{run.slug}/{number:06}.json"
