"""The plan of a run: what started it, the inputs it pins, the names and numbers that later steps take from it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from finetune.frozen import Contract
from finetune.settings import Settings

MOST_CANDIDATES = 8


class ObjectVersion(Contract):
    """One version of one S3 object; an overwrite later changes nothing."""

    bucket: str = Field(min_length=3)
    key: str = Field(min_length=1)
    version_id: str = Field(min_length=1)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class DatasetDropped(Contract):
    """What starts an execution: Start Run, or a person with a new `attempt`."""

    bucket: str = Field(min_length=3)
    key: str = Field(min_length=1)
    version_id: str = Field(min_length=1)
    event_time: datetime
    attempt: int = Field(default=1, ge=1, le=99)

    @property
    def dataset(self) -> ObjectVersion:
        return ObjectVersion(bucket=self.bucket, key=self.key, version_id=self.version_id)


class Candidate(Contract):
    """One set of hyperparameters to train."""

    index: int = Field(ge=1, le=MOST_CANDIDATES)
    name: str
    hyperparameters: dict[str, str]


class Champion(Contract):
    """The model in service when the run was planned."""

    endpoint_arn: str
    model_arn: str
    run_id: str


class Run(Contract):
    """The plan of a run: everything later steps need to know and nothing they could change."""

    run_id: str
    project: str
    slug: str
    execution_arn: str
    first_delivery: bool
    folder: str
    dataset: ObjectVersion
    evaluation_set: ObjectVersion | None = None
    validation_set: ObjectVersion | None = None
    settings: Settings = Field(default_factory=Settings)
    candidates: tuple[Candidate, ...] = ()
    endpoint_name: str
    champion: Champion | None = None

    def uri(self, name: str) -> str:
        """The S3 URI of a file in the run's folder."""
        return f"{self.folder}/{name}"
