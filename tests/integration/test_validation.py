"""Validate Dataset leaves its report for programs and for people."""

from __future__ import annotations

import io
from typing import Any, cast

import orjson
import pytest
from botocore.response import StreamingBody

from finetune.aws import datasets
from finetune.contracts import ObjectVersion, Run
from finetune.domain.lines import MAX_DATASET_BYTES
from finetune.errors import UnsupportedDataset


class OneObject:
    """A bucket that holds one dataset and keeps what is written."""

    def __init__(self, content: bytes, size: int = 0) -> None:
        self._content = content
        self._size = size or len(content)
        self.written: dict[str, tuple[str, bytes]] = {}

    def get_object(self, **_: str) -> dict[str, Any]:
        body = StreamingBody(cast("Any", io.BytesIO(self._content)), len(self._content))
        return {"Body": body, "ContentLength": self._size}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803 - S3's names
        self.written[f"{Bucket}/{Key}"] = (ContentType, Body)


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
