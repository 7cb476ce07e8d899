"""What stands of a run when its mail is written: asked of AWS, not concluded from how the run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import customization, endpoints, publication, runs, trained
from finetune.aws.publication import Published
from finetune.contracts import PromoteModelOutput
from finetune.errors import FineTuneError
from finetune.remains import Standing
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


def standing(bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, run: Run, *, stack: str) -> Standing:
    """What the run has in service, what of it still costs something, and which models it leaves.

    Whether its model is published has to be known, so an error of Parameter Store is raised; one of Bedrock is told.
    """
    published = publication.read(ssm, stack, run.slug)
    promotion = _promotion(s3, run, published, stack) if published else None
    in_service = published.endpoint_arn if published else None
    names = [candidate.name for candidate in run.candidates]
    try:
        jobs = {name: customization.status_of(bedrock, name) for name in names}
        models = {name: customization.model_arn(bedrock, name) for name in names}
        opened = endpoints.opened_by(bedrock, run)
        adopted = trained.trained_by(s3, run.folder)
        others = {name: customization.model_arn(bedrock, name) for name in (adopted.models if adopted else ())}
        in_use = {published.model_arn, published.previous_model_arn} if published else set()
        return Standing(
            promotion=promotion,
            resumable=any(models.values()) or any(others.values()),
            jobs=tuple(name for name, status in jobs.items() if status in customization.GOING),
            trained=tuple(
                name for name, status in jobs.items() if status == "Completed" or (status is None and models[name])
            ),
            unfinished=tuple(name for name, status in jobs.items() if status in {"Failed", "Stopped"}),
            models={name: arn for name, arn in models.items() if arn},
            adopted={name: arn for name, arn in others.items() if arn and arn not in in_use},
            endpoints=tuple(found.endpoint.arn for found in opened if found.endpoint.arn != in_service),
            throughput=next(
                ((found.created_at, found.as_of) for found in opened if found.endpoint.kind == "provisioned"), None
            ),
        )
    except FineTuneError as error:
        return Standing(promotion=promotion, unknown=str(error))


def _promotion(s3: S3Client, run: Run, published: Published, stack: str) -> PromoteModelOutput | None:
    """What the run has put into service, also if another run has replaced it since."""
    told = publication.told(stack, run.slug, published)
    if published.run_id == run.run_id:
        return told
    return told.model_copy(update={"replaced_by": published.run_id}) if runs.was_published(s3, run.folder) else None
