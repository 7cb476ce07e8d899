"""The one place an application reads its endpoint from: the SSM parameter /<stack>/<project>/endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from finetune.aws import endpoints
from finetune.aws.translation import is_missing, translated
from finetune.contracts import Champion, Endpoint, PromoteModelInput, PromoteModelOutput
from finetune.domain.catalog import Deployment
from finetune.errors import ServiceRefused

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_ssm import SSMClient


class Published(BaseModel):
    """The parameter's value; `previous_*` is what a rollback returns to."""

    model_config = ConfigDict(frozen=True)
    endpoint_arn: str
    endpoint_name: str
    kind: Deployment
    model_arn: str
    base_model: str
    run_id: str
    previous_model_arn: str | None = None
    previous_run_id: str | None = None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(kind=self.kind, name=self.endpoint_name, arn=self.endpoint_arn)


def parameter_name(stack: str, slug: str) -> str:
    return f"/{stack}/{slug}/endpoint"


def read(ssm: SSMClient, stack: str, slug: str) -> Published | None:
    """What a project has in service; None before its first promotion."""
    name = parameter_name(stack, slug)
    with translated(f"reading parameter {name}"):
        try:
            value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
    return Published.model_validate_json(value)


def champion(ssm: SSMClient, stack: str, slug: str) -> Champion | None:
    """The model in service as a contestant; None before the first promotion."""
    published = read(ssm, stack, slug)
    if published is None:
        return None
    return Champion(endpoint_arn=published.endpoint_arn, model_arn=published.model_arn, run_id=published.run_id)


def in_service(ssm: SSMClient, stack: str, slug: str, endpoint: Endpoint) -> bool:
    """Whether an endpoint is the one its project has published."""
    published = read(ssm, stack, slug)
    return published is not None and published.endpoint_arn == endpoint.arn


def promote(bedrock: BedrockClient, ssm: SSMClient, stack: str, request: PromoteModelInput) -> PromoteModelOutput:
    """Put the run's model into service and publish it.

    The endpoint in service keeps its ARN where it can carry the model; otherwise the run's own endpoint takes its
    place and the replaced one is released. EndpointBusy while the service is still changing it.
    """
    run, model_arn, serving = request.run, request.model.model_arn, request.throughput
    if model_arn is None:
        raise ServiceRefused(f"run {run.run_id} has no custom model to promote.")
    before = read(ssm, stack, run.slug)
    name = parameter_name(stack, run.slug)
    if before and before.run_id == run.run_id:
        return _promotion(before, name)
    if before and _can_carry(bedrock, before, request):
        endpoints.swap_model(bedrock, before.endpoint, model_arn)
        serving = before.endpoint
    published = Published(
        endpoint_arn=serving.arn,
        endpoint_name=serving.name,
        kind=serving.kind,
        model_arn=model_arn,
        base_model=run.settings.base_model,
        run_id=run.run_id,
        previous_model_arn=before and before.model_arn,
        previous_run_id=before and before.run_id,
    )
    with translated(f"publishing parameter {name}"):
        ssm.put_parameter(Name=name, Value=published.model_dump_json(), Type="String", Overwrite=True)
    if before and before.endpoint_arn != serving.arn:
        endpoints.release(bedrock, before.endpoint)
    return _promotion(published, name)


def _promotion(published: Published, parameter: str) -> PromoteModelOutput:
    return PromoteModelOutput(
        endpoint_arn=published.endpoint_arn,
        kind=published.kind,
        model_arn=published.model_arn,
        previous_model_arn=published.previous_model_arn,
        parameter=parameter,
    )


def _can_carry(bedrock: BedrockClient, before: Published, request: PromoteModelInput) -> bool:
    """Whether the endpoint in service exists, is of the wanted kind and holds a model of the same base."""
    return (
        before.kind == request.throughput.kind
        and before.base_model == request.run.settings.base_model
        and endpoints.find(bedrock, before.kind, before.endpoint_arn) is not None
    )
