"""What stands of a run when its mail is written: asked of AWS, not concluded from how the run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import customization, endpoints, publication
from finetune.errors import FineTuneError
from finetune.remains import Standing
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
        jobs = {name: customization.status_of(bedrock, name) for name in names}
        models = {name: customization.model_arn(bedrock, name) for name in names}
        opened = endpoints.opened_by(bedrock, run)
        return Standing(
            promotion=promotion,
            jobs=tuple(name for name, status in jobs.items() if status in customization.GOING),
            trained=tuple(
                name for name, status in jobs.items() if status == "Completed" or (status is None and models[name])
            ),
            unfinished=tuple(name for name, status in jobs.items() if status in {"Failed", "Stopped"}),
            models={name: arn for name, arn in models.items() if arn},
            endpoints=tuple(found.endpoint.arn for found in opened if found.endpoint.arn != in_service),
            throughput=next(
                ((found.created_at, found.as_of) for found in opened if found.endpoint.kind == "provisioned"), None
            ),
        )
    except FineTuneError as error:
        return Standing(promotion=promotion, unknown=str(error))
