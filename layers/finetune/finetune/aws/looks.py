"""The looks at a project's evaluation sets, numbered and written once, so that no two runs have the same number."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.aws.written import marked, read_back
from finetune.domain.evaluation.looks import Look, number_of
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def written_down(s3: S3Client, run: Run, look: Look) -> int:
    """Write a look down, unless it is there already, and say which look at its set it is."""
    bucket, _ = storage.split_uri(run.folder)
    earlier: list[Look] = []
    for number in count(1):
        uri = f"s3://{bucket}/looks/{run.slug}/{number:06}.json"
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
