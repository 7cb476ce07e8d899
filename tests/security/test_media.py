"""A project trains on its own images and videos, and on those that were validated; it learns nothing of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from finetune.aws import datasets, media
from finetune.contracts import PrepareDatasetOutput, ValidateDatasetOutput
from finetune.errors import DatasetMissing
from finetune.run import ObjectVersion, Run
from finetune.settings import Settings
from tests.evaluating import Bucket, items, prepared

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWN, VICTIM = "s3://datasets/projects/mine/media/", "s3://datasets/projects/victim/media/"


@pytest.fixture
def s3(s3: S3Client) -> S3Client:
    """With media of two projects."""
    for number in range(10):
        put(s3, f"{OWN}{number}.png")
    put(s3, f"{VICTIM}0.png", bytes(11 << 20))
    return s3


def put(s3: S3Client, uri: str, body: bytes = b"\x89PNG") -> None:
    s3.put_object(Bucket="datasets", Key=uri.removeprefix("s3://datasets/"), Body=body)


def dataset(*uris: str) -> bytes:
    """Records of the Nova conversation format, each with one image."""
    lines = []
    for number, uri in enumerate(uris):
        picture = {"image": {"format": "png", "source": {"s3Location": {"uri": uri}}}}
        asked = {"role": "user", "content": [{"text": f"What is on picture {number}?"}, picture]}
        answered = {"role": "assistant", "content": [{"text": f"On it is thing number {number}."}]}
        lines.append({"schemaVersion": "bedrock-conversation-2024", "messages": [asked, answered]})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def run_of(s3: S3Client, *uris: str) -> Run:
    version = s3.put_object(Bucket="datasets", Key="incoming/mine/data.jsonl", Body=dataset(*uris))["VersionId"]
    return Run(
        run_id="r",
        project="mine",
        slug="mine",
        execution_arn="arn",
        first_delivery=True,
        folder="s3://artifacts/runs/mine/r",
        dataset=ObjectVersion(bucket="datasets", key="incoming/mine/data.jsonl", version_id=version),
        endpoint_name="mine-r",
        settings=Settings(base_model="amazon.nova-lite-v1:0:300k"),
    )


def validated(s3: S3Client, *uris: str) -> tuple[Run, ValidateDatasetOutput]:
    run = run_of(s3, *uris)
    return run, datasets.validate(s3, run)


def staged(run: Run, bucket: str = "datasets") -> PrepareDatasetOutput:
    uri = f"s3://{bucket}/runs/mine/r/staged/training-1.jsonl"
    return prepared(items(1), Bucket(), run).model_copy(update={"training_uri": uri})


def own(*names: object) -> list[str]:
    return [f"{OWN}{name}.png" for name in names]


@pytest.mark.parametrize(
    "uri",
    [
        f"{VICTIM}0.png",
        f"{VICTIM}absent.png",
        "s3://datasets/projects/mine/media/../../victim/media/0.png",
        "s3://datasets/projects/mine/media/./0.png",
        "s3://datasets/projects/mine/media//0.png",
        "s3://datasets/projects/mine/../victim/media/0.png",
        "s3://datasets/projects/mine/media/x/../../../victim/media/0.png",
        "s3://datasets/projects/mine-2/media/0.png",
        "s3://datasets/projects/mine/victim/media/0.png",
        "s3://datasets/incoming/victim/data.jsonl",
        "s3://artifacts/runs/victim/r/staged/training-1.jsonl",
    ],
)
def test_media_of_another_project_are_refused_in_the_same_words_whether_they_exist_or_not(
    s3: S3Client, uri: str
) -> None:
    _, output = validated(s3, *own(*range(9)), uri)
    assert not output.accepted
    assert "media-elsewhere" in output.counts
    assert {"media-missing", "media-too-large"}.isdisjoint(output.counts)
    [finding] = [each for each in output.first_problems if each.code == "media-elsewhere"]
    assert finding.message == f"refers to media that is not under {OWN}"


def test_what_was_validated_is_what_is_trained(s3: S3Client) -> None:
    run, output = validated(s3, *own(*range(10)))
    assert output.accepted
    media.require_unchanged(s3, run, staged(run))
    put(s3, f"{OWN}unused.png")
    media.require_unchanged(s3, run, staged(run))


def replaced(s3: S3Client) -> Any:
    return put(s3, f"{OWN}4.png", b"\x89PNH")


def deleted(s3: S3Client) -> Any:
    return s3.delete_object(Bucket="datasets", Key="projects/mine/media/4.png")


@pytest.mark.parametrize("change", [replaced, deleted])
def test_a_file_that_was_changed_after_it_was_validated_starts_no_job(s3: S3Client, change: Any) -> None:
    run, _ = validated(s3, *own(*range(10)))
    change(s3)
    with pytest.raises(DatasetMissing, match=rf"^1 of the images .* the first is {OWN}4\.png; drop the dataset again"):
        media.require_unchanged(s3, run, staged(run))


def test_without_what_was_written_down_nothing_is_trained_on_media(s3: S3Client) -> None:
    run = run_of(s3, *own(*range(10)))
    with pytest.raises(DatasetMissing, match=r"media\.jsonl"):
        media.require_unchanged(s3, run, staged(run))
    media.require_unchanged(s3, run, staged(run, "artifacts"))


def test_a_rejected_dataset_leaves_no_list_of_files(s3: S3Client) -> None:
    run, output = validated(s3, *own(*range(9)), f"{OWN}absent.png")
    assert not output.accepted
    with pytest.raises(DatasetMissing):
        media.require_unchanged(s3, run, staged(run))
