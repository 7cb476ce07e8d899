"""S3 in memory: versions, conditional writes, lists and parts, as botocore's requests ask for them."""

from __future__ import annotations

import hashlib
import io
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.emulator import REGION
from tests.simulation.wire import Answer, Refused

_LIST_PAGE = 1000
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclass(frozen=True)
class Version:
    """One version of an object; a delete marker has no body."""

    id: str
    body: bytes | None
    modified: datetime

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True)
class Request:
    """What botocore asks for."""

    operation: str
    bucket: str
    key: str
    query: Mapping[str, str]
    body: bytes
    none_match: str | None


class S3:
    """Buckets that keep every version; `created` hears of each new object."""

    def __init__(self, now: Callable[[], datetime], created: Callable[[str, str, Version], None]) -> None:
        self._now, self._created = now, created
        self._objects: dict[tuple[str, str], list[Version]] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}
        self._begun: dict[str, int] = {}
        self._count = 0

    # What the world and the emulator's jobs use, without a request

    def put(self, bucket: str, key: str, body: bytes) -> Version:
        self._count += 1
        version = Version(f"v{self._count}", body, self._now())
        self._objects.setdefault((bucket, key), []).append(version)
        self._created(bucket, key, version)
        return version

    def get(self, bucket: str, key: str, version_id: str | None = None) -> Version | None:
        """A version, or the newest one; None where there is none or it is deleted."""
        versions = self._objects.get((bucket, key), [])
        found = [one for one in versions if version_id in {None, one.id}]
        return found[-1] if found and found[-1].body is not None else None

    def writes(self, bucket: str, key: str) -> int:
        """How often an object was written."""
        return sum(one.body is not None for one in self._objects.get((bucket, key), []))

    def delete(self, bucket: str, key: str) -> None:
        self._count += 1
        if (bucket, key) in self._objects:
            self._objects[bucket, key].append(Version(f"v{self._count}", None, self._now()))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return sorted(key for at, key in self._objects if at == bucket and key.startswith(prefix) and self.get(at, key))

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        found = self.get(Bucket, Key)
        if found is None:
            raise FileNotFoundError(Key)
        return {"Body": io.BytesIO(found.body or b"")}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - S3's own names
        self.put(Bucket, Key, Body)

    # Requests

    def answer(self, operation: str, url: str, headers: Mapping[str, Any], body: bytes) -> Answer:
        """The answer to one request; Refused with S3's code for what it does not do."""
        request = Request(operation, *address(url), _decoded(headers, body), _text(headers.get("If-None-Match")))
        works: Mapping[str, Callable[[Request], Answer]] = {
            "GetObject": self._read,
            "HeadObject": self._read,
            "HeadBucket": lambda _: Answer(200, headers={"x-amz-bucket-region": REGION}),
            "PutObject": self._write,
            "DeleteObject": self._delete,
            "ListObjectsV2": self._list,
            "CreateMultipartUpload": lambda _: self._begin_upload(),
            "UploadPart": self._upload_part,
            "CompleteMultipartUpload": self._complete,
            "AbortMultipartUpload": self._abandon,
        }
        if operation not in works:
            raise NotImplementedError(f"S3 here does not know {operation}.")
        return works[operation](request)

    def _delete(self, request: Request) -> Answer:
        self.delete(request.bucket, request.key)
        versions = self._objects.get((request.bucket, request.key))
        marked = {"x-amz-delete-marker": "true", "x-amz-version-id": versions[-1].id} if versions else {}
        return Answer(204, headers=marked)

    def _begin_upload(self) -> Answer:
        self._count += 1
        upload_id = f"upload{self._count}"
        self._uploads[upload_id], self._begun[upload_id] = {}, self._count
        return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload_id}</UploadId>")

    def _upload_part(self, request: Request) -> Answer:
        self._parts(request)[int(request.query["partNumber"])] = request.body
        crc = b64encode(zlib.crc32(request.body).to_bytes(4)).decode()
        return Answer(200, headers={"ETag": f'"{len(request.body)}"', "x-amz-checksum-crc32": crc})

    def _complete(self, request: Request) -> Answer:
        parts = self._parts(request)
        self._require_absent(request)
        self._require_no_deletion_since(request, self._begun[request.query["uploadId"]])
        del self._uploads[request.query["uploadId"]]
        self.put(request.bucket, request.key, b"".join(part for _, part in sorted(parts.items())))
        return _xml("CompleteMultipartUploadResult", f"<Key>{escape(request.key)}</Key>")

    def _abandon(self, request: Request) -> Answer:
        self._uploads.pop(request.query["uploadId"], None)
        return Answer(204)

    def _parts(self, request: Request) -> dict[int, bytes]:
        found = self._uploads.get(request.query["uploadId"])
        if found is None:
            told = "The specified upload does not exist. "
            told += "The upload ID may be invalid, or the upload may have been aborted or completed."
            raise Refused("NoSuchUpload", told, 404)
        return found

    def _read(self, request: Request) -> Answer:
        found = self.get(request.bucket, request.key, request.query.get("versionId"))
        head = request.operation == "HeadObject"
        if found is None:
            code = "NoSuchVersion" if "versionId" in request.query else "NoSuchKey"
            # An answer to HEAD has no body to name an error in.
            raise Refused("404" if head else code, "The specified key does not exist.", 404, Key=request.key)
        body = found.body or b""
        headers = {
            "Content-Length": str(len(body)),
            "ETag": found.etag,
            "Last-Modified": format_datetime(found.modified, usegmt=True),
            "x-amz-version-id": found.id,
        }
        return Answer(200, b"" if head else body, headers)

    def _write(self, request: Request) -> Answer:
        self._require_absent(request)
        version = self.put(request.bucket, request.key, request.body)
        return Answer(200, headers={"ETag": version.etag, "x-amz-version-id": version.id})

    def _require_absent(self, request: Request) -> None:
        if request.none_match == "*" and self.get(request.bucket, request.key):
            told = "At least one of the pre-conditions you specified did not hold"
            raise Refused("PreconditionFailed", told, 412, Condition="If-None-Match")

    def _require_no_deletion_since(self, request: Request, begun: int) -> None:
        """A large file may not be written on this condition if an object of its name was deleted meanwhile."""
        versions = self._objects.get((request.bucket, request.key), [])
        if request.none_match == "*" and any(int(one.id[1:]) > begun for one in versions if one.body is None):
            told = "The conditional request cannot succeed due to a conflicting operation against this resource."
            raise Refused("ConditionalRequestConflict", told, 409, Condition="If-None-Match", Key=request.key)

    def _list(self, request: Request) -> Answer:
        query = request.query
        after, prefix = query.get("continuation-token", query.get("start-after", "")), query.get("prefix", "")
        keys = [key for key in self.keys(request.bucket, prefix) if key > after]
        if delimiter := query.get("delimiter"):
            # Folders come as common prefixes, which the product does not ask for here.
            keys = [key for key in keys if delimiter not in key.removeprefix(prefix)]
        shown = keys[: int(query.get("max-keys", _LIST_PAGE))]
        more = len(keys) > len(shown)
        entries = "".join(self._entry(request.bucket, key) for key in shown)
        token = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(shown)}</KeyCount>"
        return _xml("ListBucketResult", f"<EncodingType>url</EncodingType>{truncated}{token}{entries}")

    def _entry(self, bucket: str, key: str) -> str:
        found = self.get(bucket, key)
        assert found
        return (
            f"<Contents><Key>{quote(key)}</Key><LastModified>{found.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(found.etag)}</ETag><Size>{len(found.body or b'')}</Size></Contents>"
        )


@cache
def address(url: str) -> tuple[str, str, Mapping[str, str]]:
    """Bucket, key and query of a request, with the bucket in the host's name or in the path."""
    parts = urlsplit(url)
    host, path = parts.netloc.split("."), unquote(parts.path).removeprefix("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if host[0] == "s3":
        bucket, _, key = path.partition("/")
        return bucket, key, query
    return host[0], path, query


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _decoded(headers: Mapping[str, Any], body: bytes) -> bytes:
    """The content of a body, which botocore may send in chunks with its checksum behind."""
    if "aws-chunked" not in (_text(headers.get("Content-Encoding")) or ""):
        return body
    content, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return content
        content, rest = content + rest[:length], rest[length + 2 :]


def _xml(root: str, inside: str) -> Answer:
    return Answer(200, f"<{root} {_NAMESPACE}>{inside}</{root}>".encode())
