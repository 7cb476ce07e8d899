"""What stands of a run when its mail is written: asked of AWS, not concluded from how the run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import customization, endpoints, publication
from finetune.errors import FineTuneError
from finetune.messages import Standing
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_ssm import SSMClient


def standing(bedrock: BedrockClient, ssm: SSMClient, run: Run, *, stack: str) -> Standing:
    """What the run has in service, what of it still costs something, and which models it leaves.

    Whether its model is published has to be known, so an error of Parameter Store is raised; one of Bedrock is told.
    """
    published = publication.read(ssm, stack, run.slug)
    promotion = publication.told(stack, run.slug, published) if published and published.run_id == run.run_id else None
    in_service = published.endpoint_arn if published else None
    names = [candidate.name for candidate in run.candidates]
    try:
        return Standing(
            promotion=promotion,
            jobs=tuple(name for name in names if customization.is_going(bedrock, name)),
            models=tuple(name for name in names if customization.has_model(bedrock, name)),
            endpoints=tuple(
                found.endpoint.arn for found in endpoints.opened_by(bedrock, run) if found.endpoint.arn != in_service
            ),
        )
    except FineTuneError as error:
        return Standing(promotion=promotion, unknown=str(error))
