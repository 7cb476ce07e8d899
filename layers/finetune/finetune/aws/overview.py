"""What a stack has in service, and what it has open beside that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune.aws import endpoints, publication
from finetune.aws.endpoints import Found, Tagged
from finetune.aws.publication import Published
from finetune.aws.tags import PROJECT_TAG, STACK_TAG
from finetune.aws.translation import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True)
class InService:
    """A project's published endpoint beside what the service says of it; None when the endpoint is gone."""

    slug: str
    published: Published
    found: Found | None


def stack_exists(cloudformation: CloudFormationClient, stack: str) -> bool:
    """Whether the stack is deployed where the caller's credentials and Region point."""
    with translated(f"looking for stack {stack}"):
        try:
            cloudformation.describe_stacks(StackName=stack)
        except ClientError as error:
            if code_of(error) == "ValidationError":
                return False
            raise
    return True


def outputs(cloudformation: CloudFormationClient, stack: str) -> dict[str, str]:
    """The outputs of a stack by name."""
    with translated(f"reading the outputs of stack {stack}"):
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def resource(cloudformation: CloudFormationClient, stack: str, name: str) -> str:
    """The physical id of a resource of a stack, by its name in the template."""
    with translated(f"looking for {name} of stack {stack}"):
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
    return str(found["StackResourceDetail"].get("PhysicalResourceId", ""))


def in_service(bedrock: BedrockClient, ssm: SSMClient, stack: str) -> list[InService]:
    """What every project of the stack has in service, by the project's name."""
    return [
        InService(slug, published, endpoints.find(bedrock, published.kind, published.endpoint_arn))
        for slug, published in publication.read_all(ssm, stack)
    ]


def unpublished(bedrock: BedrockClient, stack: str, published: Iterable[InService]) -> list[Tagged]:
    """The stack's endpoints that are open and not published: of a run that is going on, or forgotten."""
    known = {each.published.endpoint_arn for each in published}
    found = [endpoints.tagged(bedrock, each) for each in endpoints.all_endpoints(bedrock) if each.arn not in known]
    return [each for each in found if each and each.tags.get(STACK_TAG) == stack]


def project_of(endpoint: Tagged) -> str:
    """The slug of the project that an endpoint was opened for."""
    return endpoint.tags.get(PROJECT_TAG, "")
