"""How a custom model is served: the endpoint it is evaluated on, and whether it goes into service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from finetune.domain import cost
from finetune.domain.catalog import BaseModelRow, Deployment

if TYPE_CHECKING:
    from finetune.domain.evaluation.verdict import Evaluation  # only Judge Evaluation has one


def settle(evaluation: Evaluation, *, row: BaseModelRow, deployment: Literal[Deployment, "none"]) -> Evaluation:
    """The evaluation with its decision turned round where nothing may or can serve the model, and the reason said."""
    obstacle = not_served(row, deployment)
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


def evaluation_endpoints(
    row: BaseModelRow, prices: cost.PriceOverrides, *, limit_usd: float, estimated_usd: float | None
) -> tuple[Deployment, ...]:
    """The kinds of endpoint to evaluate on, cheapest first; a later kind is for when quotas refuse those before it.

    Throughput replaces a deployment only if the rest of the budget pays for an hour of it at a known price.
    """
    cheapest = row.cheapest_endpoint
    if cheapest == "provisioned" or "provisioned" not in row.deployments or estimated_usd is None:
        return (cheapest,)
    hour = cost.price(row, prices, "provisioned_per_hour")
    affordable = hour is not None and estimated_usd + hour <= limit_usd
    return ("on_demand", "provisioned") if affordable else ("on_demand",)
