"""Objects in S3: pinned reads, streams, and writes that happen once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from io import RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import orjson
from botocore.exceptions import ClientError

from finetune.aws.translation import code_of, is_missing, service_time, translated
from finetune.domain.records.limits import too_large
from finetune.errors import DatasetMissing, FineTuneError, UnsupportedDataset
from finetune.run import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, HeadObjectOutputTypeDef, ObjectTypeDef

CHUNK = 8 * 1024 * 1024
THERE_ALREADY = {"PreconditionFailed", "412"}
_CONDITION: Mapping[bool, Any] = {True: {"IfNoneMatch": "*"}, False: {}}


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def stream(s3: S3Client, version: ObjectVersion) -> Iterator[bytes]:
    """The bytes of one object version in pieces of 8 MiB.

    DatasetMissing when the version is gone; UnsupportedDataset, before the first byte, when it is too large for a run.
    """
    try:
        with translated(f"reading {version.shown}"):
            found = s3.get_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
            if excess := too_large(found.get("ContentLength", 0)):
                raise UnsupportedDataset(f"{version.shown} {excess}")
            yield from found["Body"].iter_chunks(CHUNK)
    except Exception as error:
        if isinstance(error.__cause__, ClientError) and is_missing(error.__cause__):
            message = f"{version.shown} has no version {version.version_id} any more; drop the dataset again."
            raise DatasetMissing(message) from error
        raise


def latest_version(s3: S3Client, bucket: str, key: str) -> ObjectVersion | None:
    """The newest version of an object, pinned; None when there is none."""
    head = _head(s3, bucket, key)
    return ObjectVersion(bucket=bucket, key=key, version_id=head["VersionId"]) if head else None


def _head(s3: S3Client, bucket: str, key: str) -> HeadObjectOutputTypeDef | None:
    with translated(f"looking for s3://{bucket}/{key}"):
        try:
            return s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def read(s3: S3Client, uri: str) -> bytes | None:
    """The whole of a small object; None when there is none."""
    bucket, key = split_uri(uri)
    with translated(f"reading {uri}"):
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def lines(s3: S3Client, uri: str) -> Iterator[bytes]:
    """The lines of an object of any size, without their ends, with no more than a few pieces of it in memory."""
    bucket, key = split_uri(uri)
    with translated(f"reading {uri}"):
        yield from s3.get_object(Bucket=bucket, Key=key)["Body"].iter_lines(CHUNK)


@contextmanager
def opened(s3: S3Client, uri: str) -> Iterator[BinaryIO]:
    """An object of any size as a file that is read once from its beginning; DatasetMissing when there is none."""
    bucket, key = split_uri(uri)
    with translated(f"reading {uri}"):
        try:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            if is_missing(error):
                raise DatasetMissing(f"{uri} no longer exists; drop the dataset again.") from error
            raise
        with closing(body):
            yield cast("BinaryIO", body)


def age(s3: S3Client, uri: str) -> timedelta | None:
    """How long ago an object was written, by S3's own clock; None when there is none."""
    head = _head(s3, *split_uri(uri))
    return service_time(head) - head["LastModified"] if head else None


def written_at(s3: S3Client, uri: str) -> datetime:
    """When an object was written, by S3's own clock; DatasetMissing when there is none."""
    head = _head(s3, *split_uri(uri))
    if head is None:
        raise DatasetMissing(f"{uri} no longer exists; drop the dataset again.")
    return head["LastModified"]


def write(s3: S3Client, uri: str, body: bytes | BinaryIO, content_type: str) -> None:
    """Write an object, over whatever is there."""
    bucket, key = split_uri(uri)
    with translated(f"writing {uri}"):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def write_json(s3: S3Client, uri: str, content: Any) -> None:
    """Write a JSON document a person can read."""
    write(s3, uri, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS), "application/json")


def write_once(s3: S3Client, uri: str, body: bytes | BinaryIO, content_type: str) -> bool:
    """Write an object unless one is there already; whether it was written."""
    bucket, key = split_uri(uri)
    with translated(f"writing {uri}"):
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) in THERE_ALREADY:
                return False
            raise
    return True


def upload(s3: S3Client, uri: str, file: BinaryIO, content_type: str) -> None:
    """Write a file of any size; one request takes no more than 5 GiB, so a large file goes up in parts."""
    bucket, key = split_uri(uri)
    with translated(f"writing {uri}"):
        s3.upload_fileobj(file, bucket, key, ExtraArgs={"ContentType": content_type})


def upload_once(s3: S3Client, uri: str, file: BinaryIO, content_type: str) -> bool:
    """Write a file of any size unless there is an object already; whether it was written.

    For keys that follow from their content: what is there already is the same.
    """
    if uri in keys_under(s3, uri):
        return False
    try:
        with growing(s3, uri, content_type, once=True) as parts:
            shutil.copyfileobj(file, parts, CHUNK)
    except _ThereAlreadyError:
        return False
    return True


class _ThereAlreadyError(Exception):
    """Somebody else wrote the object first."""


@contextmanager
def growing(s3: S3Client, uri: str, content_type: str, *, once: bool = False) -> Iterator[BinaryIO]:
    """A file of any size that goes up in parts as it is written, so that neither memory nor disk holds more than one.

    The object is there when the block ends; after an error there is none. `once` leaves an object alone that is there.
    """
    parts = _Parts(s3, uri, content_type, once=once)
    try:
        yield cast("BinaryIO", parts)
        parts.finish()
    except BaseException:
        with suppress(FineTuneError):  # the bucket forgets after a day what could not be abandoned
            parts.abandon()
        raise


class _Parts(RawIOBase):
    def __init__(self, s3: S3Client, uri: str, content_type: str, *, once: bool) -> None:
        self._s3, self._uri, self._content_type, self._once = s3, uri, content_type, once
        self._bucket, self._key = split_uri(uri)
        self._waiting = bytearray()
        self._upload_id = ""
        self._sent: list[CompletedPartTypeDef] = []

    def write(self, data: Any) -> int:
        self._waiting += data
        if len(self._waiting) >= CHUNK:
            self._send()
        return len(data)

    def _send(self) -> None:
        with translated(f"writing {self._uri}"):
            if not self._upload_id:
                self._upload_id = self._s3.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ContentType=self._content_type, ChecksumAlgorithm="CRC32"
                )["UploadId"]
            number = len(self._sent) + 1
            sent = self._s3.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=bytes(self._waiting),
                ChecksumAlgorithm="CRC32",
            )
        self._sent.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
        self._waiting.clear()

    def finish(self) -> None:
        if not self._upload_id:
            store = write_once if self._once else write
            if store(self._s3, self._uri, bytes(self._waiting), self._content_type) is False:
                raise _ThereAlreadyError
            return
        if self._waiting:
            self._send()
        with translated(f"writing {self._uri}"):
            try:
                self._s3.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": self._sent},
                    **_CONDITION[self._once],
                )
            except ClientError as error:
                if code_of(error) in THERE_ALREADY:
                    raise _ThereAlreadyError from error
                raise

    def abandon(self) -> None:
        if self._upload_id:
            with translated(f"giving up {self._uri}"):
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._upload_id)


def delete(s3: S3Client, uri: str) -> None:
    """Delete an object; one that is not there is deleted already."""
    bucket, key = split_uri(uri)
    with translated(f"deleting {uri}"):
        s3.delete_object(Bucket=bucket, Key=key)


def keys_under(s3: S3Client, uri: str) -> list[str]:
    """The URIs of all objects below a prefix, in S3's order."""
    return [key for key, _ in _listed(s3, uri)]


def folders_under(s3: S3Client, uri: str) -> list[str]:
    """The names of the folders directly below a prefix that ends in a slash."""
    bucket, prefix = split_uri(uri)
    with translated(f"listing {uri}"):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    return [name.removeprefix(prefix).rstrip("/") for name in found]


def names_directly_under(s3: S3Client, uri: str) -> list[str]:
    """The keys of the objects directly below a prefix that ends in a slash; of very many the first thousand."""
    bucket, prefix = split_uri(uri)
    with translated(f"listing {uri}"):
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [each["Key"] for each in page.get("Contents", [])]


class Listed(NamedTuple):
    """An object as a list shows it."""

    size: int
    etag: str


def listed(s3: S3Client, uri: str) -> Iterator[tuple[str, Listed]]:
    """Every object below a prefix by its URI, in S3's order."""
    for key, entry in _listed(s3, uri):
        yield key, Listed(entry["Size"], entry["ETag"])


def _listed(s3: S3Client, uri: str) -> Iterator[tuple[str, ObjectTypeDef]]:
    bucket, prefix = split_uri(uri)
    with translated(f"listing {uri}"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield f"s3://{bucket}/{entry['Key']}", entry
