"""How a custom model is served: the endpoint it is evaluated on, and whether it goes into service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from finetune.domain import cost
from finetune.domain.billing.limits import RESERVE, Service, hours_needed, throughput_lease
from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.domain.evaluation.expense import CREATION_MINUTES

if TYPE_CHECKING:
    from finetune.domain.evaluation.verdict import Evaluation  # only Judge Evaluation has one


def settle(evaluation: Evaluation, obstacle: str | None) -> Evaluation:
    """The evaluation with its decision turned round where nothing may or can serve the model, and the reason said."""
    if evaluation.decision != "promote" or obstacle is None:
        return evaluation
    reason = f"{evaluation.reason} {obstacle}"
    return evaluation.model_copy(
        update={"decision": "do_not_promote", "reason": reason, "reasons": (*evaluation.reasons, obstacle)}
    )


def not_served(row: BaseModelRow, deployment: Literal[Deployment, "none"]) -> str | None:
    """Why a custom model does not go into service the way the settings say; None when it can."""
    if deployment in row.deployments:
        return None
    if deployment == "none":
        return "It is not put into service, because the settings say deployment: none."
    hour = row.prices.provisioned_per_hour
    price = "by the hour at a price that was not found" if hour is None else f"for ${hour:.2f} an hour"
    other = {"on_demand": "provisioned", "provisioned": "on_demand"}[deployment]
    sentence = (
        f"{row.name} is not served {deployment.replace('_', '-')}; set deployment: {other} to put it into service"
    )
    return f"{sentence} {price}." if other == "provisioned" else f"{sentence}."


def not_agreed(found: Service, *, limit_usd_per_month: float) -> str | None:
    """Why a model is not put into service at its price; None when that is agreed to."""
    if found.covered:
        return None
    if found.usd_per_hour is None or found.usd_per_month is None:
        return "It is not put into service, because what an hour of its throughput costs is unknown."
    return (
        f"It is not put into service: its throughput costs {cost.cents(found.usd_per_hour)} an hour, "
        f"{cost.cents(found.usd_per_month)} a month, and budget.service_usd_per_month is "
        f"{cost.cents(limit_usd_per_month)}."
    )


def evaluation_endpoints(
    row: BaseModelRow, prices: cost.PriceOverrides, *, rest_usd: float, throughput_hours: float, units: int = 1
) -> Mapping[Deployment, timedelta]:
    """The kinds of endpoint to evaluate on with their leases; a later kind is for when quotas refuse those before it.

    Throughput only if the rest of the budget pays for as many hours as it may take, at a known price.
    """
    kinds: dict[Deployment, timedelta] = {"on_demand": RUN_BOUND} if "on_demand" in row.deployments else {}
    hour = cost.hourly(row, prices, units)
    if "provisioned" in row.deployments and (lease := throughput_lease(rest_usd, hour, throughput_hours)):
        kinds["provisioned"] = lease
    return kinds


# What throughput takes at most until it is in service; the estimate has these hours.
START_HOURS = int(hours_needed(CREATION_MINUTES, cost.NOTHING).most)


def serving_lease(kind: Deployment) -> timedelta:
    """How long an endpoint that is to be put into service may take to get there."""
    return RUN_BOUND if kind == "on_demand" else timedelta(hours=START_HOURS) - RESERVE
