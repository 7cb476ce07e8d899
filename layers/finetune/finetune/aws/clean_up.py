"""What is done for a run that can no longer do it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from finetune import messages
from finetune.aws import mail, release, runs
from finetune.contracts import (
    CleanUpRunInput,
    CleanUpRunOutput,
    DatasetDropped,
    Failure,
    NotifyInput,
    Run,
    SweepEndpointsOutput,
)
from finetune.environment import NotifyEnvironment
from finetune.errors import UnsupportedDataset

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

_ENDED = {
    "ABORTED": Failure(Error="Aborted", Cause="Somebody stopped the execution."),
    "TIMED_OUT": Failure(Error="States.Timeout", Cause="The execution reached its time limit."),
}


def clean_up_run(
    bedrock: BedrockClient,
    ssm: SSMClient,
    s3: S3Client,
    sns: SNSClient,
    request: CleanUpRunInput,
    environment: NotifyEnvironment,
) -> CleanUpRunOutput:
    """Release what an ended execution owned and send its mail if none was sent; doing it twice does nothing more."""
    run = owned_run(s3, request, environment)
    ended = _ENDED.get(request.status, Failure(Error=request.error or "Unknown", Cause=request.cause or ""))
    letter = messages.compose(
        NotifyInput(outcome="RunFailed", execution_arn=request.execution_arn, run=run, error=ended)
    )
    sent = mail.deliver(
        s3,
        sns,
        bucket=environment.ARTIFACT_BUCKET,
        topic_arn=environment.TOPIC_ARN,
        execution_arn=request.execution_arn,
        mail=letter,
    )
    released = release.release_run(bedrock, ssm, run, stack=environment.STACK_NAME) if run else []
    return CleanUpRunOutput(released=tuple(released), mail_sent=sent)


def owned_run(s3: S3Client, request: CleanUpRunInput, environment: NotifyEnvironment) -> Run | None:
    """The run that the execution claimed; None when it claimed none or its input cannot be read."""
    try:
        dropped = DatasetDropped.model_validate_json(request.input or "")
        run = runs.identify(dropped, artifact_bucket=environment.ARTIFACT_BUCKET, execution_arn=request.execution_arn)
    except (ValidationError, UnsupportedDataset):
        return None
    return runs.read_plan(s3, run) if runs.owner(s3, run) == request.execution_arn else None


def sweep(
    bedrock: BedrockClient,
    ssm: SSMClient,
    s3: S3Client,
    sns: SNSClient,
    stepfunctions: SFNClient,
    environment: NotifyEnvironment,
) -> SweepEndpointsOutput:
    """Delete ownerless endpoints, say so by mail, and send the mails of ended executions that never went out."""
    bucket, topic_arn = environment.ARTIFACT_BUCKET, environment.TOPIC_ARN
    checked, released = release.sweep(bedrock, ssm, s3, stepfunctions, stack=environment.STACK_NAME, bucket=bucket)
    if released:
        mail.publish(sns, topic_arn, messages.swept(environment.STACK_NAME, released))
    late = [arn for arn in mail.unsent(s3, bucket) if not release.is_running(stepfunctions, arn)]
    sent = [mail.deliver(s3, sns, bucket=bucket, topic_arn=topic_arn, execution_arn=arn, mail=None) for arn in late]
    return SweepEndpointsOutput(checked=checked, released=tuple(released), mails_sent=sum(sent))
