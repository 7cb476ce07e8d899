"""The plan of a run: what started it, the inputs it pins, the names and numbers that later steps take from it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from finetune.domain.billing.limits import Service, service
from finetune.domain.catalog import base_model
from finetune.domain.cost import Listed, highest, sources
from finetune.foreign import foreign
from finetune.frozen import Contract
from finetune.settings import Settings

MOST_CANDIDATES, MOST_ATTEMPTS = 8, 99
# As Bedrock bounds them.
MOST_ARN_CHARACTERS = 1011


class ObjectVersion(Contract):
    """One version of one S3 object; an overwrite later changes nothing."""

    bucket: str = Field(min_length=3)
    key: str = Field(min_length=1)
    version_id: str = Field(min_length=1)

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def shown(self) -> str:
        """The same for a person: printable and not long."""
        return foreign(self.uri)


class DatasetDropped(Contract):
    """What starts an execution: Start Run, or a person with a new `attempt`."""

    bucket: str = Field(min_length=3)
    key: str = Field(min_length=1)
    version_id: str = Field(min_length=1)
    event_time: datetime
    attempt: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    # The run of the same project whose trained model this execution goes on with.
    resume: str | None = Field(default=None, pattern=r"^\d{8}-\d{6}-[0-9a-f]{8}$")
    # The ARN of a custom model that was trained elsewhere; the object is then the project's evaluation set.
    evaluate: str | None = Field(default=None, max_length=MOST_ARN_CHARACTERS)

    @property
    def dataset(self) -> ObjectVersion:
        return ObjectVersion(bucket=self.bucket, key=self.key, version_id=self.version_id)

    @property
    def identity(self) -> dict[str, Any]:
        """What the names of the run and of its execution follow from."""
        return self.model_dump(exclude={"resume"})


class Candidate(Contract):
    """One set of hyperparameters to train."""

    index: int = Field(ge=1, le=MOST_CANDIDATES)
    name: str
    hyperparameters: dict[str, str]


class Champion(Contract):
    """The model that a run is compared with; `met_at` is when it was found there, by Bedrock's time.

    `units` are the model units of its endpoint, if that is throughput.
    """

    endpoint_arn: str
    model_arn: str
    run_id: str
    met_at: datetime | None = None
    units: int = 1


class Ceilings(Contract):
    """What the stack allows at most, whatever a project's settings say; None where nothing is known of it."""

    usd_per_run: float | None = None
    service_usd_per_month: float | None = None
    runs_at_once: int | None = None

    def over(self, settings: Settings) -> Settings:
        """The settings with a budget that is not above these."""
        own = settings.budget
        budget = {
            "limit_usd": _lower(own.limit_usd, self.usd_per_run),
            "service_usd_per_month": _lower(own.service_usd_per_month, self.service_usd_per_month),
        }
        return settings.model_copy(update={"budget": own.model_copy(update=budget)})


def _lower(usd: float, ceiling: float | None) -> float:
    return usd if ceiling is None else min(usd, ceiling)


def priced(settings: Settings, listed: Listed | None) -> Settings:
    """The settings with the prices that hold for a run: of its own and those of the price list the higher ones."""
    if listed is None:
        return settings
    judge = settings.judge.model_copy(update={"prices": highest(settings.judge.prices, listed.judge)})
    return settings.model_copy(update={"prices": highest(settings.prices, listed.prices), "judge": judge})


class Run(Contract):
    """The plan of a run: everything later steps need to know and nothing they could change.

    `rematches` counts how often its model was compared anew because another one had gone into service. `resume` is the
    run whose trained model it goes on with, `evaluate` the ARN of a model that it evaluates and that was trained
    elsewhere. `listed` is what AWS's price list told when the run was planned.
    """

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
    ceilings: Ceilings = Field(default_factory=Ceilings)
    listed: Listed | None = None
    rematches: int = 0
    resume: str | None = None
    evaluate: str | None = None

    @property
    def limit_name(self) -> str:
        """What bounds the cost of the run: its project's settings or the stack."""
        ceiling = self.ceilings.usd_per_run
        stack = ceiling is not None and self.settings.budget.limit_usd >= ceiling
        return "the stack's parameter MostUsdPerRun" if stack else "budget.limit_usd"

    @property
    def service(self) -> Service:
        """What serving the run's model as the settings say costs by the hour."""
        settings = self.settings
        row, limit = base_model(settings.base_model), settings.budget.service_usd_per_month
        return service(row, settings.prices, settings.deployment, limit, settings.units)

    @property
    def service_is_asked(self) -> bool:
        """Whether a person is asked before the model goes into service.

        So it is if its price is known and not agreed to. Nobody may agree to more than the stack allows, and an
        execution of a release before ceilings has no state that asks.
        """
        month, ceiling = self.service.usd_per_month, self.ceilings.service_usd_per_month
        return not self.service.covered and month is not None and ceiling is not None and month <= ceiling

    @property
    def price_sources(self) -> str:
        """Where the prices of the run are from, in one sentence."""
        row, today = base_model(self.settings.base_model), date.fromisoformat(self.run_id[:8])
        return sources(row, self.settings.prices, self.listed, self.listed.day if self.listed else today)

    @property
    def project_folder(self) -> str:
        """Where the folders of the project's runs are."""
        return self.folder.rpartition("/")[0]

    def uri(self, name: str) -> str:
        """The S3 URI of a file in the run's folder."""
        return f"{self.folder}/{name}"
