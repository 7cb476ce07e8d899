"""Objects of any size are written once, in parts where one request is too small for them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from finetune.aws import storage
from finetune.errors import AccessRefused, ServiceRefused, UnsupportedDataset
from tests.integration.deployed import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URI = "s3://artifacts/runs/shop/run/staged/training-0123456789abcdef.jsonl"


def test_an_object_that_cannot_be_read_is_not_one_that_is_missing(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise refused("AccessDenied")

    assert (storage.read(s3, URI), storage.age(s3, URI)) == (None, None)
    for name in ("get_object", "head_object"):
        monkeypatch.setattr(s3, name, refuse)
    for look in (storage.read, storage.age):
        with pytest.raises(AccessRefused):
            look(s3, URI)


def test_a_large_file_goes_up_in_parts_and_only_once(s3: S3Client) -> None:
    content = bytes(range(256)) * (40 << 10)
    assert storage.upload_once(s3, URI, BytesIO(content), "application/jsonl")
    assert not storage.upload_once(s3, URI, BytesIO(content), "application/jsonl")
    [version] = s3.list_object_versions(Bucket="artifacts")["Versions"]
    assert version["ETag"].endswith('-2"'), "an object of two parts has their number behind its hash"
    assert storage.read(s3, URI) == content


def test_a_file_goes_up_as_it_is_written_and_is_there_only_when_it_is_whole(s3: S3Client) -> None:
    piece = bytes(range(256)) * 4_000
    with storage.growing(s3, URI, "application/jsonl") as file:
        for _ in range(20):
            file.write(piece)
        assert storage.read(s3, URI) is None
    assert storage.read(s3, URI) == piece * 20
    assert s3.head_object(Bucket="artifacts", Key=storage.split_uri(URI)[1])["ETag"].endswith('-3"')


@pytest.mark.parametrize("content", [b"", b"a line\n"])
def test_a_small_file_takes_one_request(s3: S3Client, content: bytes) -> None:
    with storage.growing(s3, URI, "application/jsonl") as file:
        file.write(content)
    found = s3.get_object(Bucket="artifacts", Key=storage.split_uri(URI)[1])
    assert (found["Body"].read(), found["ContentType"]) == (content, "application/jsonl")
    assert "-" not in found["ETag"]


def test_a_file_that_is_not_finished_leaves_neither_an_object_nor_parts(s3: S3Client) -> None:
    def broken_off() -> None:
        with storage.growing(s3, URI, "application/jsonl") as file:
            file.write(bytes(9 << 20))
            assert len(s3.list_multipart_uploads(Bucket="artifacts")["Uploads"]) == 1
            raise UnsupportedDataset("the dataset is no dataset")

    with pytest.raises(UnsupportedDataset):
        broken_off()
    assert storage.read(s3, URI) is None
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="artifacts")


def test_a_refused_part_is_our_error_and_ends_the_upload(s3: S3Client) -> None:
    with (
        pytest.raises(ServiceRefused, match=r"While writing s3://nowhere/a: NoSuchBucket"),
        storage.growing(s3, "s3://nowhere/a", "application/jsonl") as file,
    ):
        file.write(bytes(9 << 20))


def test_a_key_that_only_begins_like_another_is_written_too(s3: S3Client) -> None:
    storage.upload_once(s3, f"{URI}.old", BytesIO(b"old"), "application/jsonl")
    assert storage.upload_once(s3, URI, BytesIO(b"new"), "application/jsonl")
    assert storage.read(s3, URI) == b"new"


def test_the_sizes_of_more_objects_than_one_request_lists_are_found_without_those_that_were_deleted(
    s3: S3Client,
) -> None:
    # As put_object would, a thousand times as fast.
    account = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for number in range(1_001):
        account.put_object("artifacts", f"media/{number}", b"x" * (number % 3))
    s3.delete_object(Bucket="artifacts", Key="media/7")
    s3.put_object(Bucket="artifacts", Key="media-of-another/1", Body=b"x")
    found = dict(storage.listed(s3, "s3://artifacts/media/"))
    sizes = {f"s3://artifacts/media/{number}": number % 3 for number in range(1_001) if number != 7}
    assert {uri: file.size for uri, file in found.items()} == sizes
    assert len({file.etag for file in found.values()}) == 3
