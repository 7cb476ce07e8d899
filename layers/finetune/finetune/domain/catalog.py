"""The base models that can be customized, as data: the rows of the catalog with their rules, bounds and prices.

People edit `catalog.yaml`. `make tables` writes `catalog.json` from it, and the code reads only that file: every
function and command loads the catalog when it starts, and reading YAML takes twenty times as long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

import orjson

from finetune.errors import BaseModelRetired, BaseModelUnknown
from finetune.foreign import foreign

Method = Literal["FINE_TUNING", "CONTINUED_PRE_TRAINING"]
RecordFormat = Literal["conversation", "prompt_completion", "anthropic", "image_caption", "text_input"]
Deployment = Literal["on_demand", "provisioned"]

# From then on a price of the catalog is said to be old.
OLD_DAYS = 60
# A base model whose records hold no prompt with a text answer cannot be asked anything by Converse.
TEXT_ANSWER_FORMATS: frozenset[RecordFormat] = frozenset({"conversation", "prompt_completion", "anthropic"})


# Not pydantic, whose import takes longer than checking a small dataset; the tests hold the rows to these types.
@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameter:
    """Range and default of one hyperparameter; Bedrock takes every value as a string, some also take a word."""

    type: Literal["integer", "number"]
    minimum: float
    maximum: float
    default: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRules:
    """What one customization method asks of its data.

    `records` bounds training; validation records may count towards its maximum, or towards both of its bounds.
    """

    record_format: RecordFormat
    records: Bounds
    validation_records: Bounds | None = None
    validation_counts: Literal["to_maximum", "to_both"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Which images or videos a record may refer to; `most` bounds their number in one record, `megabytes` each file."""

    formats: tuple[str, ...]
    most: int
    megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD as published on the day `as_of`; None where no figure was found."""

    as_of: str
    training_per_1k_tokens: float | None
    storage_per_month: float | None
    input_per_1k_tokens: float | None
    output_per_1k_tokens: float | None
    provisioned_per_hour: float | None

    def age(self, today: date) -> str:
        """How old these are, as the end of a sentence about them; empty while they are not old."""
        days = (today - date.fromisoformat(self.as_of)).days
        return f", which is {days} days ago" if days > OLD_DAYS else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    status: Literal["active", "retired"] = "active"
    since: str | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModelRow:
    """One base model; `id` is for customization, `inference_id` for Converse, `price_list` in the price list.

    With `uniform_sections`, each optional section must be in all records or in none. A text that holds a `reserved`
    string as it is written makes a job fail. With `reserved_ignores_case` the string in capitals does so too, and any
    other case may. `answer_tokens` is the largest bound of an answer that Converse takes.
    """

    id: str
    inference_id: str
    name: str
    provider: str
    regions: tuple[str, ...]
    price_list: str | None = None
    api: Literal["bedrock", "openai"] = "bedrock"
    methods: Mapping[Method, MethodRules]
    media: Mapping[Literal["image", "video"], Media] = field(default_factory=dict)
    reasoning: bool = False
    uniform_sections: bool = False
    schema_version_required: bool = False
    tokens_per_record: int | None
    answer_tokens: int = 2048
    caption_characters: Bounds | None = None
    validation: Literal["accepted", "unsupported"]
    deployments: tuple[Deployment, ...]
    reserved: tuple[str, ...]
    reserved_ignores_case: bool = False
    hyperparameters: Mapping[str, Hyperparameter]
    requests_per_minute: int | None = None
    job_minutes: int
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    prices: Prices

    @property
    def foundation_model_id(self) -> str:
        """The id without its context-length suffix, as people often write it."""
        return ":".join(self.id.split(":")[:2])

    @property
    def cheapest_endpoint(self) -> Deployment:
        """On demand, which costs nothing while idle, where the base model has it."""
        return "on_demand" if "on_demand" in self.deployments else "provisioned"

    def answers_text(self, method: Method) -> bool:
        """Whether a custom model of this method can be evaluated by asking it."""
        return self.methods[method].record_format in TEXT_ANSWER_FORMATS


def _rows() -> list[dict[str, Any]]:
    data = orjson.loads(Path(__file__).with_name("catalog.json").read_bytes())
    families = data["families"]

    def family(name: str | None) -> dict[str, Any]:
        own = dict(families[name]) if name else {}
        return {**family(own.pop("extends", None)), **own} if own else {}

    return [{**family(row.pop("family", None)), **row} for row in data["models"]]


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _bounded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its pairs of a minimum and a maximum as bounds."""
    pair = {"minimum", "maximum"}
    return {k: Bounds(**v) if isinstance(v, Mapping) and v.keys() == pair else v for k, v in data.items()}


def _row(data: Mapping[str, Any]) -> BaseModelRow:
    """A row of the file; TypeError names a key that is missing or that no row has."""
    parts: dict[str, Any] = {
        "methods": {name: MethodRules(**_bounded(rules)) for name, rules in data["methods"].items()},
        "hyperparameters": {name: Hyperparameter(**_tuples(rule)) for name, rule in data["hyperparameters"].items()},
        "lifecycle": Lifecycle(**data.get("lifecycle", {})),
        "prices": Prices(**data["prices"]),
        "media": {kind: Media(**_tuples(rules)) for kind, rules in data.get("media", {}).items()},
    }
    return BaseModelRow(**{**_tuples(_bounded(data)), **parts})


@cache
def base_models() -> Mapping[str, BaseModelRow]:
    """Every row of the catalog by its customization id, in the catalog's order."""
    return {row["id"]: _row(row) for row in _rows()}


def without_profile(model: str) -> str:
    """An id for Converse without the Region of its inference profile."""
    return re.sub(r"^(?:us|eu|apac|global)\.", "", model)


def _short(model_id: str) -> str:
    """An id without the versions at its end."""
    return re.sub(r"-v?[0-9]+(?::[0-9a-z]+)*$", "", model_id)


@cache
def _names() -> Mapping[str, BaseModelRow]:
    """Each row by every name that means it: its ids, with and without versions, and without the provider."""
    found = dict[str, BaseModelRow]()
    for row in base_models().values():
        ids = {row.id, row.foundation_model_id, without_profile(row.inference_id)}
        ids |= {_short(each) for each in ids}
        found |= dict.fromkeys(ids | {each.partition(".")[2] for each in ids}, row)
    return found


def id_of(name: str) -> str:
    """The customization id that a name means: an id, the ARN of a foundation model or profile, or a short name.

    A name that means none is given back without the ARN around it.

    >>> id_of("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"), id_of("nova-micro")
    ('amazon.nova-micro-v1:0:128k', 'amazon.nova-micro-v1:0:128k')
    """
    bare = re.sub(r"^arn:[^:]*:bedrock:[^:]*:[^:]*:(?:foundation-model|inference-profile)/", "", name)
    row = _names().get(without_profile(bare.lower()))
    return row.id if row else bare


def base_model(name: str) -> BaseModelRow:
    """The row that a name means; BaseModelUnknown names the nearest one that takes jobs."""
    model_id = id_of(name)
    try:
        return base_models()[model_id]
    except KeyError:
        raise BaseModelUnknown(
            f"base_model {foreign(model_id)!r} is not one that Bedrock customizes; {_nearest(model_id)}"
        ) from None


def _nearest(model_id: str) -> str:
    """The base model that takes jobs and is called most like an id, or all that take jobs."""
    taking = [row.id for row in base_models().values() if row.lifecycle.status == "active" and row.methods]
    near = get_close_matches(without_profile(model_id.lower()), _names(), 1, 0.7)
    if not near:
        return f"known ids are {', '.join(sorted(taking))}."
    row = _names()[near[0]]
    if row.id in taking:
        return f"did you mean {row.id!r}?"
    why = "takes no new jobs" if row.methods else "is customized through another API only"
    return f"the most similar one, {row.name}, {why}; use {row.lifecycle.successor or taking[0]!r}."


def require_active(row: BaseModelRow, *, accepted: bool, region: str) -> None:
    """Refuse a base model unless Bedrock takes jobs for it (`accepted`); the message gives the catalog's reason."""
    if accepted:
        return
    if row.lifecycle.status == "active" and region not in row.regions:
        raise BaseModelUnknown(
            f"base_model {row.id!r} ({row.name}) is customized in {' and '.join(row.regions)}, not in {region}; "
            "deploy the stack there."
        )
    since = f" since {row.lifecycle.since}" if row.lifecycle.since else ""
    successor = f" Use base_model: {row.lifecycle.successor} instead." if row.lifecycle.successor else ""
    raise BaseModelRetired(f"base_model {row.id!r} ({row.name}) takes no new customization jobs{since}.{successor}")


def require_method(row: BaseModelRow, method: Method) -> MethodRules:
    """The rules of a method; BaseModelUnknown when the base model is not customized that way."""
    if method not in row.methods:
        ways = " or ".join(row.methods) or "another API only"
        raise BaseModelUnknown(f"base_model {row.id!r} ({row.name}) cannot be customized by {method}; it takes {ways}.")
    return row.methods[method]
