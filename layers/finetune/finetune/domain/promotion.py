"""Whether a model that won can also be put into service the way its project wants."""

from __future__ import annotations

from typing import Literal

from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.evaluation import Evaluation


def settle(evaluation: Evaluation, *, row: BaseModelRow, deployment: Deployment | Literal["none"]) -> Evaluation:
    """The evaluation with its decision turned round where nothing may or can serve the model, and the reason said."""
    if evaluation.decision != "promote" or deployment in row.deployments:
        return evaluation
    if deployment == "none":
        obstacle = "It is not put into service, because the settings say deployment: none."
    else:
        hour = row.prices.provisioned_per_hour
        price = "by the hour at a price that was not found" if hour is None else f"for ${hour:.2f} an hour"
        other = {"on_demand": "provisioned", "provisioned": "on_demand"}[deployment]
        obstacle = (
            f"{row.name} is not served {deployment.replace('_', '-')}; set deployment: {other} to put it into service"
        )
        obstacle += f" {price}." if other == "provisioned" else "."
    reason = f"{evaluation.reason} {obstacle}"
    return evaluation.model_copy(
        update={"decision": "do_not_promote", "reason": reason, "reasons": (*evaluation.reasons, obstacle)}
    )
