"""Images and videos that records refer to are looked for in one listing of a folder, and only if there are any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from finetune.aws import media
from finetune.aws.media import Media
from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for
from finetune.errors import UnsupportedDataset

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT, OWN = "s3://datasets/projects/", "s3://datasets/projects/shop/media/"
NOVA_LITE = base_model("amazon.nova-lite-v1:0:300k")


class Bucket:
    """The dataset bucket in memory; `listed` are the folders that were asked for."""

    def __init__(self, s3: S3Client) -> None:
        self.s3 = s3
        self.listed: list[str] = []
        s3.create_bucket(Bucket="datasets")
        s3.meta.events.register("provide-client-params.s3.ListObjectsV2", self._note)

    def _note(self, params: dict[str, Any], **_: object) -> None:
        self.listed.append(params["Prefix"])

    def put(self, *keys: str) -> None:
        for key in keys:
            self.s3.put_object(Bucket="datasets", Key=f"projects/{key}", Body=b"\x89PNG")

    def check(self, *records: dict[str, Any]) -> DatasetReport:
        data = "".join(json.dumps(record) + "\n" for record in records).encode()
        rules = rules_for(NOVA_LITE, "FINE_TUNING", minimum_records=0, media_root=OWN)
        asking = replace(rules, media_size=Media(self.s3, OWN).size)
        return check_dataset([data], suffix=".jsonl", rules=asking)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Bucket(boto3.client("s3", region_name="us-east-1"))


def record(number: int, *keys: str) -> dict[str, Any]:
    images = [{"image": {"format": "png", "source": {"s3Location": {"uri": ROOT + key}}}} for key in keys]
    asked = {"role": "user", "content": [{"text": f"What is on picture {number}?"}, *images]}
    answered = {"role": "assistant", "content": [{"text": f"On it is thing number {number}."}]}
    return {"schemaVersion": "bedrock-conversation-2024", "messages": [asked, answered]}


def test_a_folder_is_listed_once_whatever_the_records_ask(bucket: Bucket) -> None:
    bucket.put("shop/media/cat.png", "shop/media/2026/dog.png")
    keys = ("shop/media/cat.png", "shop/media/2026/dog.png", "shop/media/Cat.png")
    report = bucket.check(*(record(number, key) for number, key in enumerate(keys * 5)))
    assert report.counts.errors == {"media-missing": 5}
    assert {problem.line for problem in report.problems} == {3, 6, 9, 12, 15}
    assert bucket.listed == ["projects/shop/media/"]


def test_a_folder_with_too_many_files_is_refused_with_what_to_do(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MOST_LISTED", 2)
    bucket.put("shop/media/a.png", "shop/media/b.png")
    assert Media(bucket.s3, OWN).size(f"{OWN}a.png") == 4
    bucket.put("shop/media/c.png")
    with pytest.raises(UnsupportedDataset, match=rf"{OWN} holds more than 2 files, .*; delete those that no"):
        Media(bucket.s3, OWN).size(f"{OWN}a.png")


def test_a_folder_that_does_not_exist_holds_nothing(bucket: Bucket) -> None:
    assert bucket.check(record(1, "shop/media/cat.png")).counts.errors == {"media-missing": 1}


def test_records_without_media_cost_no_request(bucket: Bucket) -> None:
    assert bucket.check(record(1), record(2)).accepted
    assert bucket.listed == []
