"""Prepare Dataset stages files where the job can use them and refuses evaluation items that a contestant knows."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, cast

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
from finetune.errors import DatasetMissing
from finetune.settings import Settings

Role = Literal["training", "validation"]

NOVA_LITE = "amazon.nova-lite-v1:0:300k"
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
    """Objects by bucket and key, which are read as streams."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803 - S3's own names
        del VersionId
        content = self.contents[f"{Bucket}/{Key}"]
        return {"Body": StreamingBody(cast("Any", Pieces(content)), len(content))}

    def put_object(self, *, Bucket: str, Key: str, Body: Any, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.contents[f"{Bucket}/{Key}"] = Body if isinstance(Body, bytes) else b"".join(Body)

    def upload_fileobj(self, Fileobj: Any, Bucket: str, Key: str, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.put_object(Bucket=Bucket, Key=Key, Body=Fileobj)

    def get_paginator(self, _name: str) -> Objects:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        found = sorted(name for name in self.contents if name.startswith(f"{Bucket}/{Prefix}"))
        return [{"Contents": [{"Key": n.removeprefix(f"{Bucket}/"), "Size": len(self.contents[n])} for n in found]}]

    def json(self, name: str) -> Any:
        return json.loads(self.contents[name])

    def staged(self) -> list[str]:
        """What the run staged, without the digits of its content."""
        return sorted(name.rpartition("-")[0] for name in self.contents if f"/{FOLDER}/now/staged/" in name)


def jsonl(records: Sequence[Mapping[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def conversation(pair: tuple[str, str], *media: str) -> dict[str, Any]:
    asked, answered = ([{"text": text}] for text in pair)
    pictures = [{"image": {"format": "png", "source": {"s3Location": {"uri": uri}}}} for uri in media]
    return {"messages": [{"role": "user", "content": [*pictures, *asked]}, {"role": "assistant", "content": answered}]}


def prepared(
    objects: Objects,
    *,
    champion: str | None = None,
    media: Collection[Role] = (),
    own: bool = False,
    survey: bytes | None = None,
) -> PrepareDatasetOutput:
    """Validate and prepare; `media` are the files whose records have an image, `own` gives a validation set.

    `survey` takes the place of what Validate Dataset has noted.
    """
    items = [{"prompt": prompt, "reference": answer} for prompt, answer in PAIRS[:8]]
    images: dict[Role, list[str]] = {role: ["s3://datasets/projects/shop/media/a.png"] for role in media}
    long = [(f"{prompt} {FILLER}", answer) for prompt, answer in PAIRS[8:]]
    records = {
        "training": [conversation(pair, *images.get("training", ())) for pair in long[8:]],
        "validation": [conversation(pair, *images.get("validation", ())) for pair in long[:8]],
    }
    objects.contents |= {
        "datasets/projects/shop/evaluation.jsonl": jsonl(items),
        "datasets/projects/shop/validation.jsonl": jsonl(records["validation"]),
        "datasets/projects/shop/media/a.png": b"\x89PNG",
        "datasets/incoming/shop/data.jsonl": jsonl(records["training"]),
    }
    run = Run(
        run_id="now",
        project="shop",
        slug="shop",
        execution_arn="arn",
        first_delivery=True,
        folder=f"s3://artifacts/{FOLDER}/now",
        dataset=pinned("incoming/shop/data.jsonl"),
        evaluation_set=pinned("projects/shop/evaluation.jsonl"),
        validation_set=pinned("projects/shop/validation.jsonl") if own else None,
        settings=Settings(base_model=NOVA_LITE),
        endpoint_name="shop-now",
        champion=Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id=champion) if champion else None,
    )
    validation = datasets.validate(cast("Any", objects), run)
    if survey is not None:
        objects.contents[f"artifacts/{FOLDER}/now/surveys/dataset"] = survey
    return datasets.prepare(cast("Any", objects), PrepareDatasetInput(run=run, validation=validation))


def pinned(key: str) -> ObjectVersion:
    return ObjectVersion(bucket="datasets", key=key, version_id="1")


@pytest.fixture(autouse=True)
def _in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_sink", Pieces)
    monkeypatch.setattr(storage, "CHUNK", 1 << 16)


@pytest.mark.parametrize(
    ("media", "own"), [(["training"], False), (["training"], True), (["validation"], True), ([], True), ([], False)]
)
def test_what_trains_and_validates_lies_in_the_bucket_of_the_media_if_any_record_refers_to_some(
    media: list[Role], own: bool
) -> None:
    objects = Objects()
    found = prepared(objects, media=media, own=own)
    bucket = "datasets" if media else "artifacts"
    where = {"evaluation": "artifacts", "training": bucket, "validation": bucket}
    assert objects.staged() == sorted(f"{where[name]}/{FOLDER}/now/staged/{name}" for name in where)
    uris = (found.training_uri, found.validation_uri, found.evaluation_uri)
    assert {uri.removeprefix("s3://") for uri in uris if uri} <= objects.contents.keys()
    assert (found.evaluation_items, objects.json(f"artifacts/{FOLDER}/now/prepared.json")["media"]) == (8, bool(media))


@pytest.mark.parametrize("bucket", ["artifacts", "datasets"])
def test_what_the_model_in_service_learned_is_refused_by_line_and_likeness_and_never_read_as_a_whole(
    bucket: str,
) -> None:
    known = [(PAIRS[0][0], "x"), (PAIRS[1][0].upper(), "x")]
    rest = [(f"{prompt} {FILLER}", answer) for prompt, answer in PAIRS[8:]]
    learned = jsonl([conversation(pair) for pair in known + rest])
    assert len(learned) > 2 * AT_ONCE
    objects = Objects({f"{bucket}/{FOLDER}/before/staged/training-0a.jsonl": learned})
    found = prepared(objects, champion="before")
    assert (found.refused_items, found.refused_lines, found.evaluation_items) == (2, (1, 2), 6)
    refused = objects.json(f"artifacts/{FOLDER}/now/prepared.json")["refused_items"]
    assert [(one["line"], one["trained"], one["likeness"]) for one in refused] == [
        (1, "champion", "exact"),
        (2, "champion", "normalised"),
    ]


def test_training_data_that_has_expired_is_said_to_be_gone() -> None:
    objects = Objects()
    assert prepared(objects, champion="before").refused_items == 0
    [note] = objects.json(f"artifacts/{FOLDER}/now/prepared.json")["notes"]
    assert note == datasets.LEARNED_GONE.format(run="before")


def test_a_first_run_has_nothing_to_note() -> None:
    objects = Objects()
    assert prepared(objects).refused_items == 0
    assert objects.json(f"artifacts/{FOLDER}/now/prepared.json")["notes"] == []


def test_a_survey_that_other_code_wrote_ends_the_run_with_a_sentence() -> None:
    sentence = r"What Validate Dataset left in s3://.*/surveys/ .* Drop the dataset again\."
    with pytest.raises(DatasetMissing, match=sentence):
        prepared(Objects(), survey=b"finetune survey 0\n")
