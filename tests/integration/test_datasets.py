"""Validate Dataset leaves its report; Prepare Dataset stages files and refuses items that a contestant knows."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, cast

import orjson
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from finetune.aws import datasets, storage, trained
from finetune.aws.trained import Found, Looking
from finetune.contracts import PrepareDatasetInput, PrepareDatasetOutput, SelectModelOutput
from finetune.domain.records.limits import MAX_DATASET_BYTES
from finetune.errors import ChampionChanged, DatasetMissing, EvaluationSetInvalid, UnsupportedDataset
from finetune.run import Champion, ObjectVersion, Run
from finetune.settings import DatasetChecks, Settings
from tests.integration.fakes import MemoryExecutions

Role = Literal["training", "validation"]

NOVA_LITE = "amazon.nova-lite-v1:0:300k"
FOLDER, RUN_ID = "runs/shop", "20261130-120000-00000001"
THINGS = ("tent", "boot", "rope", "stove", "lamp", "map", "glove", "pack")
SUBJECTS = [" ".join(words) for words in product(("small", "large"), ("red", "blue", "green"), THINGS)]
PAIRS = [(f"Where in the shop do I find the {subject}?", f"The {subject} is on a shelf.") for subject in SUBJECTS]
# Large enough that pieces and whole differ, small enough for a test.
FILLER = "word " * 2_000
AT_ONCE = 200_000


# Validate Dataset


class OneObject:
    """A bucket that holds one dataset and keeps what is written."""

    def __init__(self, content: bytes, size: int = 0) -> None:
        self._content = content
        self._size = size or len(content)
        self.beside: dict[str, bytes] = {}
        self.written: dict[str, tuple[str, bytes]] = {}
        self.media: dict[str, int] = {}
        self.listed: list[str] = []

    def get_object(self, *, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803 - S3's names
        content = self.beside.get(Key, self._content)
        body = StreamingBody(cast("Any", io.BytesIO(content)), len(content))
        return {"Body": body, "ContentLength": self._size}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803 - S3's names
        self.written[f"{Bucket}/{Key}"] = (ContentType, Body)

    def upload_fileobj(self, Fileobj: Any, Bucket: str, Key: str, ExtraArgs: dict[str, str]) -> None:  # noqa: N803 - S3's names
        self.put_object(Bucket=Bucket, Key=Key, Body=Fileobj.read(), **ExtraArgs)

    def get_paginator(self, name: str) -> OneObject:
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's names
        self.listed.append(f"{Bucket}/{Prefix}")
        return [{"Contents": [{"Key": key, "Size": size, "ETag": f'"{size}"'} for key, size in self.media.items()]}]


RUN = Run(
    run_id="r",
    project="shop",
    slug="shop",
    execution_arn="arn",
    first_delivery=True,
    folder="s3://artifacts/runs/shop/r",
    dataset=ObjectVersion(bucket="datasets", key="incoming/shop/data.jsonl", version_id="1"),
    endpoint_name="shop",
)


def test_a_dataset_that_no_run_would_make_is_refused_before_its_first_byte() -> None:
    s3 = OneObject(b"", size=MAX_DATASET_BYTES + 1)
    with pytest.raises(UnsupportedDataset, match=r"data\.jsonl has 10\.7 GB; a run takes at most 10\.7 GB\. Drop a"):
        datasets.validate(cast("Any", s3), RUN)
    assert not s3.written
    datasets.validate(cast("Any", OneObject(b"", size=MAX_DATASET_BYTES)), RUN)


def test_a_rejected_dataset_leaves_json_and_a_page_in_the_run_s_folder() -> None:
    s3 = OneObject(b'{"prompt": "a tall secret", "completion": ""}\n')
    found = datasets.validate(cast("Any", s3), RUN)
    assert not found.accepted
    (kind, page), (_, report) = (s3.written[f"artifacts/runs/shop/r/validation.{end}"] for end in ("html", "json"))
    assert kind == "text/html; charset=utf-8"
    assert b"<h1>Rejected</h1>" in page
    assert b"data.jsonl" in page
    assert b"secret" not in page + report
    assert orjson.loads(report)["counts"]["errors"]["empty-text"] == found.counts["empty-text"] == 1


def listed(s3: OneObject) -> list[dict[str, Any]]:
    kind, data = s3.written["artifacts/runs/shop/r/problems.jsonl"]
    assert kind == "application/jsonl"
    return [orjson.loads(line) for line in data.splitlines()]


def test_every_problem_of_a_rejected_dataset_is_listed_and_the_report_says_where() -> None:
    s3 = OneObject(b"{}\n" * 320)
    found = datasets.validate(cast("Any", s3), RUN)
    assert [(entry["line"], entry["set"], entry["severity"]) for entry in listed(s3)] == [
        (line, "dataset", "error") for line in range(1, 321)
    ]
    assert (found.problems, len(found.first_problems)) == (320, 20)
    report = orjson.loads(s3.written["artifacts/runs/shop/r/validation.json"][1])
    assert len(report["problems"]) == 20
    assert report["complete_list"] == {"file": "problems.jsonl", "listed": 320, "not_listed": 0}
    page = s3.written["artifacts/runs/shop/r/validation.html"][1]
    assert b"20 of 320 are shown. problems.jsonl beside this file lists every problem and warning." in page


def test_findings_on_the_project_s_own_sets_are_listed_too() -> None:
    own = {
        name: ObjectVersion(bucket="datasets", key=f"projects/shop/{name}.jsonl", version_id="1")
        for name in ("validation", "evaluation")
    }
    s3 = OneObject(b"[]")
    s3.beside[own["validation"].key], s3.beside[own["evaluation"].key] = b"{}\n{}", b"7"
    datasets.validate(cast("Any", s3), RUN.model_copy(update={f"{name}_set": version for name, version in own.items()}))
    assert [(entry["set"], entry["line"]) for entry in listed(s3) if entry["line"]] == [
        ("evaluation", 1),
        ("validation", 1),
        ("validation", 2),
        ("dataset", 1),
    ]


def test_only_an_accepted_dataset_leaves_what_the_split_needs() -> None:
    good = b'{"prompt": "What is number %d?", "completion": "It is a number."}'
    lines = [good % number for number in range(10)]
    own = ObjectVersion(bucket="datasets", key="projects/shop/validation.jsonl", version_id="1")
    for data, kept in ((lines, {"surveys/dataset", "surveys/validation"}), ([*lines, b"{}"], set())):
        s3 = OneObject(b"\n".join(data))
        s3.beside[own.key] = b"\n".join(good % number for number in range(90, 100))
        found = datasets.validate(cast("Any", s3), RUN.model_copy(update={"validation_set": own}))
        names = {name.removeprefix("artifacts/runs/shop/r/") for name in s3.written}
        assert (found.accepted, names - {"validation.json", "validation.html", "problems.jsonl"}) == (bool(kept), kept)


def test_a_broken_evaluation_set_is_told_of_once_the_dataset_is_accepted() -> None:
    own = ObjectVersion(bucket="datasets", key="projects/shop/evaluation.jsonl", version_id="1")
    run = RUN.model_copy(update={"evaluation_set": own})
    assert not datasets.validate(cast("Any", OneObject(b"{}")), run).accepted
    s3 = OneObject(b"\n".join(b'{"prompt": "What is %d?", "completion": "a", "reference": 1}' % n for n in range(10)))
    with pytest.raises(EvaluationSetInvalid, match=r"evaluation\.jsonl has 10 problems: line 1: .*problems\.jsonl in "):
        datasets.validate(cast("Any", s3), run)
    assert "artifacts/runs/shop/r/validation.json" in s3.written
    assert sum(entry["set"] == "evaluation" for entry in listed(s3)) == 10


def test_a_warning_that_the_settings_make_an_error_rejects_the_dataset() -> None:
    lines = [
        b'{"prompt": "What is number %d?", "completion": "It is a number."}' % (number // 2) for number in range(40)
    ]
    settings = Settings(dataset=DatasetChecks(errors=("duplicate-record",)))
    found = [
        datasets.validate(cast("Any", OneObject(b"\n".join(lines))), RUN.model_copy(update=changes))
        for changes in ({}, {"settings": settings})
    ]
    assert [each.accepted for each in found] == [True, False]
    assert (found[1].problems, found[1].first_problems[0].line) == (20, 2)


def picture(number: int) -> bytes:
    image = {"format": "png", "source": {"s3Location": {"uri": f"s3://datasets/projects/shop/media/{number}.png"}}}
    asked = {"role": "user", "content": [{"text": f"What is on picture {number}?"}, {"image": image}]}
    answered = {"role": "assistant", "content": [{"text": f"On it is thing number {number}."}]}
    return json.dumps({"messages": [asked, answered]}).encode()


def test_images_that_a_job_would_not_find_or_take_reject_the_dataset() -> None:
    s3 = OneObject(b"\n".join(map(picture, range(10))))
    s3.media = {f"projects/shop/media/{number}.png": 9 for number in range(9)} | {"projects/shop/media/4.png": 1 << 30}
    run = RUN.model_copy(update={"settings": Settings(base_model="amazon.nova-lite-v1:0:300k")})
    found = datasets.validate(cast("Any", s3), run)
    assert {(problem.line, problem.code) for problem in found.first_problems} == {
        (5, "media-too-large"),
        (10, "media-missing"),
    }
    assert not found.accepted
    assert s3.listed == ["datasets/projects/shop/media/"]


def test_images_of_the_project_s_validation_set_are_looked_for_in_the_same_listing() -> None:
    own = ObjectVersion(bucket="datasets", key="projects/shop/validation.jsonl", version_id="1")
    s3 = OneObject(b"\n".join(map(picture, range(10))))
    s3.beside[own.key] = b"\n".join(map(picture, range(10, 20)))
    s3.media = {f"projects/shop/media/{number}.png": 9 for number in range(20)}
    settings = Settings(base_model="amazon.nova-lite-v1:0:300k")
    run = RUN.model_copy(update={"settings": settings, "validation_set": own})
    assert datasets.validate(cast("Any", s3), run).accepted
    assert s3.listed == ["datasets/projects/shop/media/"]


# Prepare Dataset


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
        if f"{Bucket}/{Key}" not in self.contents:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        content = self.contents[f"{Bucket}/{Key}"]
        return {"Body": StreamingBody(cast("Any", Pieces(content)), len(content))}

    def put_object(self, *, Bucket: str, Key: str, Body: Any, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.contents[f"{Bucket}/{Key}"] = Body if isinstance(Body, bytes) else b"".join(Body)

    def upload_fileobj(self, Fileobj: Any, Bucket: str, Key: str, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.put_object(Bucket=Bucket, Key=Key, Body=Fileobj)

    def create_multipart_upload(self, **_more: object) -> dict[str, str]:
        self.parts: list[bytes] = []
        return {"UploadId": "upload"}

    def upload_part(self, *, Body: bytes, **_more: object) -> dict[str, str]:  # noqa: N803 - S3's own names
        self.parts.append(Body)
        return {"ETag": "", "ChecksumCRC32": ""}

    def complete_multipart_upload(self, *, Bucket: str, Key: str, IfNoneMatch: str, **_more: object) -> None:  # noqa: N803 - S3's own names
        assert IfNoneMatch == "*"
        self.put_object(Bucket=Bucket, Key=Key, Body=b"".join(self.parts))

    def get_paginator(self, _name: str) -> Objects:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        found = sorted(name for name in self.contents if name.startswith(f"{Bucket}/{Prefix}"))
        return [
            {
                "Contents": [
                    {"Key": n.removeprefix(f"{Bucket}/"), "Size": len(self.contents[n]), "ETag": n} for n in found
                ]
            }
        ]

    def json(self, name: str) -> Any:
        return json.loads(self.contents[name])

    def staged(self) -> list[str]:
        """What the run staged, without the digits of its content."""
        return sorted(name.rpartition("-")[0] for name in self.contents if f"/{FOLDER}/{RUN_ID}/staged/" in name)


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
        run_id=RUN_ID,
        project="shop",
        slug="shop",
        execution_arn="arn",
        first_delivery=True,
        folder=f"s3://artifacts/{FOLDER}/{RUN_ID}",
        dataset=pinned("incoming/shop/data.jsonl"),
        evaluation_set=pinned("projects/shop/evaluation.jsonl"),
        validation_set=pinned("projects/shop/validation.jsonl") if own else None,
        settings=Settings(base_model=NOVA_LITE),
        endpoint_name="shop-now",
        champion=Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id=champion) if champion else None,
    )
    validation = datasets.validate(cast("Any", objects), run)
    if survey is not None:
        objects.contents[f"artifacts/{FOLDER}/{RUN_ID}/surveys/dataset"] = survey
    by = Looking(cast("Any", None), cast("Any", objects), cast("Any", MemoryExecutions()))
    return datasets.prepare(by, PrepareDatasetInput(run=run, validation=validation))


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
    assert objects.staged() == sorted(f"{where[name]}/{FOLDER}/{RUN_ID}/staged/{name}" for name in where)
    uris = (found.training_uri, found.validation_uri, found.evaluation_uri)
    assert {uri.removeprefix("s3://") for uri in uris if uri} <= objects.contents.keys()
    assert (
        found.evaluation_items,
        objects.json(f"artifacts/{FOLDER}/{RUN_ID}/prepared.json")["media"],
    ) == (8, bool(media))


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
    refused = objects.json(f"artifacts/{FOLDER}/{RUN_ID}/prepared.json")["refused_items"]
    assert [(one["line"], one["trained"], one["likeness"]) for one in refused] == [
        (1, "champion", "exact"),
        (2, "champion", "normalised"),
    ]


def test_training_data_that_has_expired_is_said_to_be_gone() -> None:
    objects = Objects()
    assert prepared(objects, champion="before").refused_items == 0
    [note] = objects.json(f"artifacts/{FOLDER}/{RUN_ID}/prepared.json")["notes"]
    assert note == datasets.LEARNED_GONE.format(run="before")


def test_a_first_run_has_nothing_to_note() -> None:
    objects = Objects()
    assert prepared(objects).refused_items == 0
    assert objects.json(f"artifacts/{FOLDER}/{RUN_ID}/prepared.json")["notes"] == []


def test_a_survey_that_other_code_wrote_ends_the_run_with_a_sentence() -> None:
    sentence = r"What Validate Dataset left in s3://.*/surveys/ .* Drop the dataset again\."
    with pytest.raises(DatasetMissing, match=sentence):
        prepared(Objects(), survey=b"finetune survey 0\n")


def test_whether_a_verdict_is_possible_is_known_before_the_job_and_said() -> None:
    objects = Objects()
    found = prepared(objects)
    assert not found.verdict_possible
    assert (
        found.forecast
        == "No verdict is possible: 8 evaluation items can be measured by token F1, and a verdict takes 20."
    )
    told = objects.json(f"artifacts/{FOLDER}/{RUN_ID}/prepared.json")["forecast"]
    assert (told["items"], told["questions"], told["needed"]) == (8, 8, 20)


# What was trained before

EARLIER = f"s3://artifacts/{FOLDER}/earlier"
MODEL = SelectModelOutput(outcome="trained", reason="", model_arn="arn:model", trained_by=EARLIER)


@pytest.fixture
def _trained_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "look", lambda *_: Found(model=MODEL))


def test_what_is_to_be_trained_is_claimed_under_its_content() -> None:
    objects = Objects()
    found = prepared(objects)
    assert (found.model, found.earlier) == (None, None)
    assert found.claim
    assert found.claim.startswith("s3://artifacts/trainings/shop/")
    claim = objects.json(found.claim.removeprefix("s3://"))
    assert claim == {"schema": 1, "run_id": RUN_ID, "execution_arn": "arn"}
    assert prepared(Objects()).claim == found.claim
    assert prepared(Objects(), own=True).claim != found.claim


@pytest.mark.usefixtures("_trained_before")
def test_an_earlier_model_is_evaluated_without_its_data_being_staged_or_its_training_paid_again() -> None:
    learned = jsonl([conversation(pair) for pair in PAIRS[10:20]])
    objects = Objects({f"artifacts/{FOLDER}/earlier/staged/training-0a.jsonl": learned})
    found = prepared(objects)
    assert found.model == MODEL
    assert objects.staged() == [f"artifacts/{FOLDER}/{RUN_ID}/staged/evaluation"]
    assert (found.training_uri, found.validation_uri) == (f"{EARLIER}/staged/training-0a.jsonl", None)
    lines = [line["what"] for line in objects.json(f"artifacts/{FOLDER}/{RUN_ID}/cost.json")["lines"]]
    assert lines
    assert "Training" not in lines


@pytest.mark.usefixtures("_trained_before")
def test_an_earlier_model_is_not_asked_what_it_was_trained_on_whatever_the_dataset_says_now() -> None:
    learned = jsonl([conversation(PAIRS[2]), *(conversation(pair) for pair in PAIRS[10:20])])
    objects = Objects({f"artifacts/{FOLDER}/earlier/staged/training-0a.jsonl": learned})
    found = prepared(objects)
    assert (found.refused_items, found.refused_lines, found.evaluation_items) == (1, (3,), 7)


def test_what_the_model_in_service_learned_is_looked_for_where_it_was_trained() -> None:
    learned = jsonl([conversation(PAIRS[2])])
    told = {"schema": 1, "folder": EARLIER, "models": []}
    objects = Objects(
        {
            f"artifacts/{FOLDER}/before/trained_by.json": json.dumps(told).encode(),
            f"artifacts/{FOLDER}/earlier/staged/training-0a.jsonl": learned,
        }
    )
    assert prepared(objects, champion="before").refused_lines == (3,)


def test_a_rematch_is_refused_when_the_new_model_was_trained_on_what_was_asked() -> None:
    objects = Objects()
    found = prepared(objects)
    run = RUN.model_copy(update={"folder": f"s3://artifacts/{FOLDER}/{RUN_ID}"})
    champion = Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id="before")
    s3 = cast("Any", objects)
    datasets.require_comparable(s3, run, found, None)
    datasets.require_comparable(s3, run, found, champion)
    objects.contents[f"artifacts/{FOLDER}/before/staged/training-0a.jsonl"] = jsonl([conversation(PAIRS[2])])
    with pytest.raises(ChampionChanged, match=r"Run before went into service meanwhile"):
        datasets.require_comparable(s3, run, found, champion)


def test_a_rematch_is_refused_when_the_rest_of_the_budget_does_not_cover_another_answer_to_each_item() -> None:
    objects = Objects()
    found = prepared(objects).model_copy(update={"most_usd": 10.0, "answers_usd": 5.0})
    champion = Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id="before")
    s3 = cast("Any", objects)

    def limited(usd: float, rematches: int) -> Run:
        settings = Settings.model_validate({"budget": {"limit_usd": usd}})
        folder = f"s3://artifacts/{FOLDER}/{RUN_ID}"
        return RUN.model_copy(update={"folder": folder, "settings": settings, "rematches": rematches})

    datasets.require_comparable(s3, limited(15, 0), found, champion)
    datasets.require_comparable(s3, limited(15, 1), found, None)
    for run in (limited(14.99, 0), limited(15, 1)):
        with pytest.raises(ChampionChanged, match=r"the rest of budget\.limit_usd does not cover"):
            datasets.require_comparable(s3, run, found, champion)
    of_month = found.model_copy(update={"limit_usd": 14.0})
    with pytest.raises(ChampionChanged, match=r"the rest of the run's share of budget\.project_usd_per_month does not"):
        datasets.require_comparable(s3, limited(15, 0), of_month, champion)
