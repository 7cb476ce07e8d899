"""Images and videos that records refer to: which of them there are, and how large they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from finetune.aws import storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def size_of(s3: S3Client, root: str) -> Callable[[str], int | None]:
    """A function from the URI of a file under `root`<project>/media/ to its bytes, or None if there is no such file.

    It lists a project's media folder when the first file is asked for: one request for a thousand files.
    """
    sizes_under = cache(partial(storage.sizes_under, s3))

    def size(uri: str) -> int | None:
        project, folder, _ = uri[len(root) :].partition("/media/")
        return sizes_under(f"{root}{project}{folder}").get(uri)

    return size
