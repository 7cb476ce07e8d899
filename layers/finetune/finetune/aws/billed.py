"""Everything of a stack that is billed now, asked of the account by tags: models, endpoints and jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from finetune.aws import customization, endpoints, publication, retention, tags
from finetune.aws.endpoints import Found
from finetune.aws.publication import Published
from finetune.aws.retention import Models
from finetune.aws.tags import DELETE_AFTER_TAG, EXECUTION_TAG, KEEP_TAG, PROJECT_TAG, RUN_TAG
from finetune.aws.translation import service_time, translated
from finetune.domain import cost
from finetune.domain.billing.retention import StoredModel, day_of
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.errors import BaseModelUnknown, FineTuneError
from finetune.parts import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_ssm import SSMClient

Kind = Literal["model", "on_demand", "provisioned", "job"]


@dataclass(frozen=True, slots=True)
class Billed:
    """One thing that is billed; prices in USD are None where they are unknown.

    A deployment costs nothing while it is idle, and a job costs by the token, so both have no price by time.
    """

    kind: Kind
    name: str
    arn: str
    tags: Mapping[str, str]
    created: datetime | None
    usd_per_hour: float | None
    usd_per_month: float | None
    in_service: bool = False
    found: Found | None = None

    @property
    def project(self) -> str:
        return self.tags.get(PROJECT_TAG, "")

    @property
    def run(self) -> str:
        return self.tags.get(RUN_TAG, "")

    @property
    def execution(self) -> str | None:
        return self.tags.get(EXECUTION_TAG)

    @property
    def kept(self) -> bool:
        """Whether a person keeps it."""
        return KEEP_TAG in self.tags

    @property
    def deletion(self) -> str | None:
        """The day on which a model is deleted."""
        return None if self.kept or self.in_service else day_of(self.tags.get(DELETE_AFTER_TAG))


@dataclass
class Account:
    """What a stack is billed for, what it has published, and what could not be asked, in words.

    `as_of` is Bedrock's time.
    """

    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    billed: list[Billed] = field(default_factory=list)
    published: dict[str, Published] = field(default_factory=dict)
    models: Models = field(default_factory=lambda: Models((), {}))
    unasked: list[str] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """One part, which may be refused; the others are asked all the same."""
        try:
            yield
        except FineTuneError as error:
            self.unasked.append(str(error).rstrip("."))


def everything(bedrock: BedrockClient, ssm: SSMClient, stack: str, *, one_by_one: bool = False) -> Account:
    """What a stack is billed for now, whatever its parameters say.

    `one_by_one` reads the parameter of each project that has a model, for who may not list them.
    """
    account = Account()
    with account.asking(), translated("asking for Bedrock's time"):
        account.as_of = service_time(bedrock.list_custom_models(maxResults=1))
    with account.asking():
        account.models = retention.models_of(bedrock, stack)
    with account.asking():
        account.published.update(
            _published(ssm, stack, account.models) if one_by_one else publication.read_all(ssm, stack)
        )
    account.billed += [_model(model, account.published) for model in account.models.own]
    for kind in endpoints.KINDS:
        with account.asking():
            for each, _ in endpoints.units(bedrock, kind):
                with account.asking():
                    account.billed += _endpoint(bedrock, stack, each, account.published)
    for status in customization.STATUSES_GOING:
        with account.asking():
            for name, arn in customization.jobs_in_progress(bedrock, status):
                with account.asking():
                    account.billed += _job(bedrock, stack, name, arn)
    return account


def _published(ssm: SSMClient, stack: str, models: Models) -> Iterator[tuple[str, Published]]:
    for slug in sorted({model.tags.get(PROJECT_TAG, "") for model in models.own}):
        if found := publication.read(ssm, stack, slug):
            yield slug, found


def _model(model: StoredModel, published: Mapping[str, Published]) -> Billed:
    row, own = row_of(model.arn), published.get(model.tags.get(PROJECT_TAG, ""))
    prices = own.prices if own else None
    return Billed(
        kind="model",
        name=model.name,
        arn=model.arn,
        tags=model.tags,
        created=model.created,
        usd_per_hour=None,
        usd_per_month=cost.price(row, prices, "storage_per_month") if row else None,
        in_service=bool(own and own.model_arn == model.arn),
    )


def _endpoint(
    bedrock: BedrockClient, stack: str, endpoint: Endpoint, published: Mapping[str, Published]
) -> Iterator[Billed]:
    tagged = endpoints.tagged(bedrock, endpoint)
    if tagged is None or not tags.is_own(endpoint.name, tagged.tags, stack):
        return
    found = endpoints.find(bedrock, endpoint.kind, endpoint.arn)
    if found is None:
        return
    row, own = row_of(found.model_arn), published.get(tagged.tags.get(PROJECT_TAG, ""))
    hour: float | None = 0.0
    if endpoint.kind == "provisioned":
        hour = cost.hourly(row, own.prices if own else None, found.units) if row else None
    yield Billed(
        kind=endpoint.kind,
        name=endpoint.name,
        arn=endpoint.arn,
        tags=tagged.tags,
        created=found.created_at,
        usd_per_hour=hour,
        usd_per_month=None if hour is None else hour * cost.HOURS_PER_MONTH,
        in_service=bool(own and own.endpoint_arn == endpoint.arn),
        found=found,
    )


def _job(bedrock: BedrockClient, stack: str, name: str, arn: str) -> Iterator[Billed]:
    told = tags.read(bedrock, arn)
    if told and tags.is_own(name, told[0], stack):
        job = customization.find_job(bedrock, name)
        yield Billed("job", name, arn, told[0], job and job["creationTime"], None, None)


def row_of(model_arn: str) -> BaseModelRow | None:
    """The row of the base model that the ARN of a custom model names; None when the catalog has none."""
    named = re.search(r":custom-model/([^/]+)", model_arn)
    try:
        return base_model(named[1]) if named else None
    except BaseModelUnknown:
        return None
