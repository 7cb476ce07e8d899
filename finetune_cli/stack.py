"""What the commands that use a deployed stack have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from finetune.aws import clients, overview, ownership
from finetune.aws.removal import Removing
from finetune.aws.translation import code_of, translated
from finetune.domain.customization.projects import slug_before, slugs_meant
from finetune.errors import FineTuneError
from finetune_cli.answer import UsageFailure

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_ssm import SSMClient

# What the person at the keyboard does, by botocore's exception or AWS's error code.
_REMEDIES = {
    NoCredentialsError.__name__: "Sign in, or set a profile in AWS_PROFILE.",
    NoRegionError.__name__: "Set a Region in AWS_REGION.",
    "AccessDenied": "Ask the administrator of the account for this permission.",
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "RequestExpired"), "Sign in again."),
    **dict.fromkeys(
        ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"),
        "AWS does not know these credentials; sign in again, or set a profile in AWS_PROFILE.",
    ),
}


def outputs(stack: str, *names: str) -> tuple[str, ...]:
    """What a deployed stack says of itself; UsageFailure when its release does not say it yet."""
    connect(stack)
    found = overview.outputs(clients.cloudformation(), stack)
    if missing := [name for name in names if name not in found]:
        raise UsageFailure(
            f"Stack {stack!r} has no output {missing[0]}: deploy this release, which asks for approvals."
        )
    return tuple(found[name] for name in names)


def slugs_of(stack: str, project: str | None) -> frozenset[str] | None:
    """The slugs that are meant by a project's name or slug; None for all projects."""
    if project is None or slug_before(project) == project:
        return slugs_meant(project) if project else None
    (bucket,) = outputs(stack, "ArtifactBucketName")
    return ownership.meant(clients.s3(), clients.ssm(), stack, bucket, project)


def connect(stack: str) -> tuple[BedrockClient, BedrockRuntimeClient, SSMClient]:
    """Clients with the caller's own credentials and Region; UsageFailure when they or the stack are not there."""
    try:
        with translated("connecting to AWS"):
            cloudformation, bedrock = clients.cloudformation(), clients.bedrock()
            runtime, ssm = clients.bedrock_runtime(), clients.ssm()
        found = overview.stack_exists(cloudformation, stack)
    except FineTuneError as error:
        raise _failure(error) from None
    if not found:
        region = cloudformation.meta.region_name
        raise UsageFailure(
            f"There is no stack {stack!r} in {region}; name another stack with --stack, or choose another Region."
        )
    return bedrock, runtime, ssm


def signed_in() -> None:
    """UsageFailure unless there are credentials that AWS knows, and a Region."""
    try:
        with translated("connecting to AWS"):
            clients.bedrock()
            clients.identity().get_caller_identity()
    except FineTuneError as error:
        raise _failure(error) from None


def _failure(error: FineTuneError) -> UsageFailure:
    """What went wrong at AWS's door, with what the person at the keyboard does."""
    cause = error.__cause__
    name = code_of(cause) if isinstance(cause, ClientError) else type(cause).__name__
    return UsageFailure(f"{str(error).rstrip('.')}. {_REMEDIES.get(name, '')}".rstrip())


def removing(stack: str) -> Removing:
    """What a command acts through that removes things or looks at all of them."""
    bedrock, _, ssm = connect(stack)
    found = overview.outputs(clients.cloudformation(), stack)
    return Removing(
        bedrock=bedrock,
        ssm=ssm,
        s3=clients.s3(),
        stepfunctions=clients.stepfunctions(),
        stack=stack,
        machine_arn=found["StateMachineArn"],
        bucket=found["ArtifactBucketName"],
    )
