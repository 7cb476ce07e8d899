"""Images and videos that records refer to: which there are, and whether they are still those that were validated."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.aws.storage import Listed
from finetune.contracts import PrepareDatasetOutput
from finetune.errors import DatasetMissing, UnsupportedDataset
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Twice what any base model takes in a dataset; so many take a thousand requests and 400 MB.
MOST_LISTED = 1_000_000
NAME = "media.jsonl"


def folder_of(run: Run) -> str:
    """Where the media of the run's project are, and no other's."""
    return f"s3://{run.dataset.bucket}/projects/{run.project}/media/"


class Media:
    """The files of a project's media folder; it is listed when the first file is asked for."""

    def __init__(self, s3: S3Client, folder: str) -> None:
        self._s3, self._folder = s3, folder
        self._used: dict[str, Listed] = {}

    @cached_property
    def _files(self) -> dict[str, Listed]:
        files = {}
        for uri, file in storage.listed(self._s3, self._folder):
            files[uri] = file
            if len(files) > MOST_LISTED:
                raise UnsupportedDataset(
                    f"{self._folder} holds more than {MOST_LISTED:,} files, too many to look for those of a dataset; "
                    "delete those that no dataset of the project refers to."
                )
        return files

    def size(self, uri: str) -> int | None:
        """The bytes of a file; None if there is no such file."""
        if (found := self._files.get(uri)) is None:
            return None
        self._used[uri] = found
        return found.size

    def keep(self, run: Run) -> None:
        """Write down which version of each file was looked at; nothing if no record refers to any."""
        if self._used:
            lines = (orjson.dumps([uri, *file], option=orjson.OPT_APPEND_NEWLINE) for uri, file in self._used.items())
            storage.write(self._s3, run.uri(NAME), b"".join(lines), "application/jsonl")


def require_unchanged(s3: S3Client, run: Run, prepared: PrepareDatasetOutput) -> None:
    """DatasetMissing when a file that a record refers to is not the one that was validated.

    Records refer to media if what trains lies in the dataset bucket.
    """
    if storage.split_uri(prepared.training_uri)[0] != run.dataset.bucket:
        return
    content = storage.read(s3, run.uri(NAME))
    if content is None:
        raise DatasetMissing(f"{run.uri(NAME)} no longer exists; drop the dataset again.")
    validated = {uri: Listed(*file) for uri, *file in map(orjson.loads, content.splitlines())}
    for uri, file in storage.listed(s3, folder_of(run)):
        if validated.get(uri) == file:
            del validated[uri]
        if not validated:
            return
    raise DatasetMissing(
        f"{len(validated):,} of the images and videos that the dataset refers to were changed or deleted after they "
        f"were validated, the first is {min(validated)}; drop the dataset again."
    )
