"""What all of this would have cost on AWS: every job, model, endpoint and token, at the catalog's prices."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from finetune.domain.catalog import Prices, base_model
from local.bedrock.records import CustomModel, Deployment, Job, Throughput, Usage
from local.bedrock.world import World

HOURS_PER_MONTH = 730.0


class JobLine(BaseModel):
    """One customization job; `tokens` is what was trained, over all epochs."""

    arn: str
    name: str
    status: str
    base_model_id: str
    created_at: datetime
    ended_at: datetime | None
    tokens: int
    token: str | None


class ModelLine(BaseModel):
    """One custom model."""

    arn: str
    name: str
    status: str
    created_at: datetime
    deleted_at: datetime | None


class EndpointLine(BaseModel):
    """One endpoint; `hours` of service time from its creation to its deletion or to now."""

    arn: str
    name: str
    kind: Literal["deployment", "throughput"]
    status: str
    model_arn: str
    opened_at: datetime
    deleted_at: datetime | None
    hours: float
    units: int
    tags: dict[str, str]


class Bill(BaseModel):
    """One position; `usd` is None where the catalog knows no price."""

    item: Literal["training", "storage", "throughput", "input tokens", "output tokens"]
    resource: str
    quantity: float
    unit: str
    usd: float | None


class Ledger(BaseModel):
    """Everything at `at` (service time); `total_usd` sums what has a price, `unknown` names what has none."""

    at: datetime
    jobs: list[JobLine]
    models: list[ModelLine]
    endpoints: list[EndpointLine]
    open: list[str]
    billed_usd: list[Bill]
    total_usd: float
    unknown: list[str]


def ledger(world: World) -> Ledger:
    """The books of the account as they stand now."""
    now, state = world.now(), world.state
    opened: list[Deployment | Throughput] = [*state.deployments.values(), *state.throughputs.values()]
    bills = [bill for bill in _bills(world, now) if bill.quantity]
    return Ledger(
        at=now,
        jobs=[_job(job) for job in state.jobs.values()],
        models=[_model(model, now) for model in state.models.values()],
        endpoints=[_endpoint(world, one, now) for one in opened],
        open=[one.arn for one in opened if one.deleted_at is None],
        billed_usd=bills,
        total_usd=round(sum(bill.usd or 0.0 for bill in bills), 6),
        unknown=[f"{bill.item} of {bill.resource}" for bill in bills if bill.usd is None],
    )


def _job(job: Job) -> JobLine:
    return JobLine(
        arn=job.arn,
        name=job.name,
        status=job.status,
        base_model_id=job.base_model_id,
        created_at=job.created_at,
        ended_at=job.ended_at,
        tokens=_trained_tokens(job),
        token=job.token,
    )


def _trained_tokens(job: Job) -> int:
    return round(job.tokens_per_epoch * job.epochs_trained)


def _model(model: CustomModel, now: datetime) -> ModelLine:
    return ModelLine(
        arn=model.arn,
        name=model.name,
        status=model.status(now),
        created_at=model.created_at,
        deleted_at=model.deleted_at,
    )


def _endpoint(world: World, endpoint: Deployment | Throughput, now: datetime) -> EndpointLine:
    return EndpointLine(
        arn=endpoint.arn,
        name=endpoint.name,
        kind="throughput" if isinstance(endpoint, Throughput) else "deployment",
        status="Deleted" if endpoint.deleted_at else endpoint.phase(now),
        model_arn=endpoint.serving(now),
        opened_at=endpoint.created_at,
        deleted_at=endpoint.deleted_at,
        hours=_hours(endpoint, now),
        units=endpoint.units if isinstance(endpoint, Throughput) else 0,
        tags=world.state.tags.get(endpoint.arn, {}),
    )


def _hours(resource: CustomModel | Deployment | Throughput, now: datetime) -> float:
    return ((resource.deleted_at or now) - resource.created_at).total_seconds() / 3600


def _bills(world: World, now: datetime) -> Iterator[Bill]:
    state = world.state
    for job in state.jobs.values():
        yield _bill("training", job.arn, _trained_tokens(job), "tokens", _per_1k(job.row.prices.training_per_1k_tokens))
    for model in state.models.values():
        months = _hours(model, now) / HOURS_PER_MONTH
        yield _bill("storage", model.arn, months, "months", model.row.prices.storage_per_month)
    for one in state.throughputs.values():
        price = base_model(one.base_model_id).prices.provisioned_per_hour
        yield _bill("throughput", one.arn, _hours(one, now) * one.units, "unit hours", price)
    for resource, usage in state.usage.items():
        if resource not in state.throughputs:
            yield from _tokens(resource, usage, base_model(usage.model_id).prices)


def _tokens(resource: str, usage: Usage, prices: Prices) -> Sequence[Bill]:
    return (
        _bill("input tokens", resource, usage.input_tokens, "tokens", _per_1k(prices.input_per_1k_tokens)),
        _bill("output tokens", resource, usage.output_tokens, "tokens", _per_1k(prices.output_per_1k_tokens)),
    )


def _per_1k(price: float | None) -> float | None:
    return None if price is None else price / 1000


def _bill(item: Any, resource: str, quantity: float, unit: str, price: float | None) -> Bill:
    usd = None if price is None else round(quantity * price, 6)
    return Bill(item=item, resource=resource, quantity=round(quantity, 6), unit=unit, usd=usd)
