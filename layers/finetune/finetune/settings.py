"""What a project's settings.yaml may say."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from finetune.domain.catalog import Deployment, Method, id_of
from finetune.domain.cost import PriceOverrides
from finetune.domain.evaluation.gates import Gates, JudgeSettings, MetricName
from finetune.domain.findings import not_a_warning
from finetune.frozen import Frozen

MOST_HELD_OUT = 0.8
MOST_HYPERPARAMETERS, HYPERPARAMETER_CHARACTERS = 20, 64
MOST_USD = 1_000_000
MOST_MODEL_UNITS = 100


class Split(Frozen):
    """Shares of the dataset that training does not see; `seed` makes the split repeatable."""

    validation: float = Field(default=0.1, ge=0, le=0.5)
    evaluation: float = Field(default=0.1, ge=0, le=0.5)
    seed: int = Field(default=7, ge=0)

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Split:
        if self.validation + self.evaluation > MOST_HELD_OUT:
            raise ValueError(
                f"validation and evaluation together take more than {MOST_HELD_OUT}; training needs the rest"
            )
        return self


class Columns(Frozen):
    """The columns of a table by the parts of a record, where their names do not say so."""

    prompt: str | None = Field(None, min_length=1, max_length=200)
    completion: str | None = Field(None, min_length=1, max_length=200)
    system: str | None = Field(None, min_length=1, max_length=200)

    @property
    def named(self) -> dict[str, str]:
        """Those that are named."""
        return {part: name for part, name in self.model_dump().items() if name}


class DatasetChecks(Frozen):
    """What a dataset is held against beside the catalog: warnings that reject it, and a quota that was raised.

    `columns` are the columns of a table that have names of their own.
    """

    errors: tuple[str, ...] = ()
    maximum_records: int | None = Field(default=None, ge=1)
    columns: Columns = Field(default_factory=Columns)

    @field_validator("errors")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := not_a_warning(value):
            raise ValueError(wrong)
        return value


class Budget(Frozen):
    """USD for a whole run, and USD a month for what it leaves in service that is billed by the hour.

    A run whose estimate is above `approve_above_usd` asks a person first, and so does one that would leave more in
    service than `service_usd_per_month`. All runs of a project that begin in a month together cost no more than
    `project_usd_per_month`.
    """

    limit_usd: float = Field(default=50, gt=0, le=MOST_USD, allow_inf_nan=False)
    approve_above_usd: float | None = Field(default=None, ge=0, le=MOST_USD, allow_inf_nan=False)
    service_usd_per_month: float = Field(default=0, ge=0, le=MOST_USD, allow_inf_nan=False)
    project_usd_per_month: float | None = Field(default=None, gt=0, le=MOST_USD, allow_inf_nan=False)


class Inference(Frozen):
    """How every contestant is asked; without `max_tokens` the bound of an answer follows from its reference."""

    temperature: float = Field(default=0, ge=0, le=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)


class Retention(Frozen):
    """How many custom models are kept, each billed for its storage, and how long one that was not promoted."""

    models: int = Field(default=5, ge=2)
    days: int = Field(default=30, ge=1, le=3650)


class NotifySettings(Frozen):
    """Which mails a run sends beside the one about its end."""

    waiting: bool = True


class Settings(Frozen):
    """One project's choices; every key has a default, so an empty file and no file mean the same."""

    base_model: str = Field(default="amazon.nova-micro-v1:0:128k", max_length=2048)
    method: Method = "FINE_TUNING"
    hyperparameters: dict[str, str] = Field(default_factory=dict)
    split: Split = Field(default_factory=Split)
    dataset: DatasetChecks = Field(default_factory=DatasetChecks)
    budget: Budget = Field(default_factory=Budget)
    prices: PriceOverrides = Field(default_factory=PriceOverrides)
    metric: MetricName | None = None
    gates: Gates = Field(default_factory=Gates)
    deployment: Literal[Deployment, "none"] = "on_demand"
    model_units: int = Field(default=1, ge=1, le=MOST_MODEL_UNITS)
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    evaluation: Literal["required", "optional"] = "required"
    inference: Inference = Field(default_factory=Inference)
    retention: Retention = Field(default_factory=Retention)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    # Trains although a model of the same content exists.
    retrain: bool = False

    @property
    def units(self) -> int:
        """The model units of throughput that a run opens; one where the settings do not ask for throughput."""
        return self.model_units if self.deployment == "provisioned" else 1

    @model_validator(mode="after")
    def _priced_by_the_call(self) -> Settings:
        if self.gates.usd_per_thousand_calls is not None and self.deployment == "provisioned":
            raise ValueError(
                "gates.usd_per_thousand_calls needs deployment: on_demand, because throughput is billed by the hour"
            )
        return self

    @field_validator("base_model", mode="after")
    @classmethod
    def _by_id(cls, value: str) -> str:
        return id_of(value)

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _as_bedrock_spells_them(cls, value: Any) -> Any:
        """Bedrock takes strings; YAML gives numbers, and 1e-05 must not reach a parser that wants 0.00001."""
        if not isinstance(value, dict):
            return value
        return {str(name): _plain(number) for name, number in value.items()}

    @field_validator("hyperparameters", mode="after")
    @classmethod
    def _bounded(cls, value: dict[str, str]) -> dict[str, str]:
        if len(value) > MOST_HYPERPARAMETERS or any(
            len(text) > HYPERPARAMETER_CHARACTERS for text in chain(*value.items())
        ):
            raise ValueError(
                f"at most {MOST_HYPERPARAMETERS} hyperparameters of at most {HYPERPARAMETER_CHARACTERS} characters each"
            )
        return value


def _plain(value: Any) -> Any:
    # YAML 1.1 reads 1.0e-5 as a number and 1e-5 as text.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    if isinstance(value, str) and len(value) > HYPERPARAMETER_CHARACTERS:
        return value
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return value
    # Written out, 1e999999999 has a billion digits.
    return format(number, "f") if abs(number.adjusted()) < HYPERPARAMETER_CHARACTERS else str(value)
