"""Prepare Dataset refuses evaluation items that a contestant knows, in bounded memory, and says what it cannot know."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

import pytest
from botocore.response import StreamingBody

from finetune.aws import datasets, storage
from finetune.contracts import (
    Champion,
    ObjectVersion,
    PrepareDatasetInput,
    PrepareDatasetOutput,
    Run,
)

FOLDER = "runs/shop"
THINGS = ("tent", "boot", "rope", "stove", "lamp", "map", "glove", "pack")
SUBJECTS = [" ".join(words) for words in product(("small", "large"), ("red", "blue", "green"), THINGS)]
PAIRS = [(f"Where in the shop do I find the {subject}?", f"The {subject} is on a shelf.") for subject in SUBJECTS]
# Large enough that pieces and whole differ, small enough for a test.
FILLER = "word " * 2_000
AT_ONCE = 200_000


class Pieces(io.BytesIO):
    """A file of which nobody may take much at once."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        assert len(data) <= AT_ONCE
        return data


@dataclass
class Objects:
    """A bucket by key, whose objects are read as streams."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803 - S3's own names
        del Bucket, VersionId
        return {"Body": StreamingBody(cast("Any", Pieces(self.contents[Key])), len(self.contents[Key]))}

    def put_object(self, *, Bucket: str, Key: str, Body: Any, **_more: object) -> None:  # noqa: N803 - S3's own names
        del Bucket
        self.contents[Key] = Body if isinstance(Body, bytes) else b"".join(Body)

    def upload_fileobj(self, Fileobj: Any, Bucket: str, Key: str, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.put_object(Bucket=Bucket, Key=Key, Body=Fileobj)

    def get_paginator(self, _name: str) -> Objects:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        del Bucket
        return [{"Contents": [{"Key": key} for key in sorted(self.contents) if key.startswith(Prefix)]}]

    def json(self, key: str) -> Any:
        return json.loads(self.contents[key])


def jsonl(records: list[dict[str, str]]) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def staged(pairs: list[tuple[str, str]]) -> bytes:
    turns = [zip(("user", "assistant"), pair, strict=True) for pair in pairs]
    talks = [[{"role": role, "content": [{"text": text}]} for role, text in talk] for talk in turns]
    return "\n".join(json.dumps({"messages": talk}) for talk in talks).encode()


def prepared(objects: Objects, *, champion: str | None = None) -> PrepareDatasetOutput:
    items = [{"prompt": prompt, "reference": answer} for prompt, answer in PAIRS[:8]]
    records = [{"prompt": f"{prompt} {FILLER}", "completion": answer} for prompt, answer in PAIRS[8:]]
    objects.contents |= {"projects/shop/evaluation.jsonl": jsonl(items), "incoming/shop/data.jsonl": jsonl(records)}
    run = Run(
        run_id="now",
        project="shop",
        slug="shop",
        execution_arn="arn",
        first_delivery=True,
        folder=f"s3://bucket/{FOLDER}/now",
        dataset=ObjectVersion(bucket="bucket", key="incoming/shop/data.jsonl", version_id="1"),
        evaluation_set=ObjectVersion(bucket="bucket", key="projects/shop/evaluation.jsonl", version_id="1"),
        endpoint_name="shop-now",
        champion=Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id=champion) if champion else None,
    )
    validation = datasets.validate(cast("Any", objects), run)
    return datasets.prepare(cast("Any", objects), PrepareDatasetInput(run=run, validation=validation))


@pytest.fixture(autouse=True)
def _in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_sink", Pieces)
    monkeypatch.setattr(storage, "CHUNK", 1 << 16)


def test_what_the_model_in_service_learned_is_refused_by_line_and_likeness_and_never_read_as_a_whole() -> None:
    known = [(PAIRS[0][0], "x"), (PAIRS[1][0].upper(), "x")]
    rest = [(f"{prompt} {FILLER}", answer) for prompt, answer in PAIRS[8:]]
    objects = Objects({f"{FOLDER}/before/staged/training-0a.jsonl": staged(known + rest)})
    assert len(objects.contents[f"{FOLDER}/before/staged/training-0a.jsonl"]) > 2 * AT_ONCE
    found = prepared(objects, champion="before")
    assert (found.refused_items, found.refused_lines, found.evaluation_items) == (2, (1, 2), 6)
    refused = objects.json(f"{FOLDER}/now/prepared.json")["refused_items"]
    assert [(one["line"], one["trained"], one["likeness"]) for one in refused] == [
        (1, "champion", "exact"),
        (2, "champion", "normalised"),
    ]


def test_training_data_that_has_expired_is_said_to_be_gone() -> None:
    objects = Objects()
    assert prepared(objects, champion="before").refused_items == 0
    [note] = objects.json(f"{FOLDER}/now/prepared.json")["notes"]
    assert note == datasets.LEARNED_GONE.format(run="before")


def test_a_first_run_has_nothing_to_note() -> None:
    objects = Objects()
    assert prepared(objects).refused_items == 0
    assert objects.json(f"{FOLDER}/now/prepared.json")["notes"] == []
