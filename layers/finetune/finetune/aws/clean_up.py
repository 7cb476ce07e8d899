"""What is done for a run that can no longer do it itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from finetune import messages
from finetune.aws import mail, release, runs
from finetune.aws.release import Attempts
from finetune.aws.translation import service_time, translated
from finetune.contracts import (
    CleanUpRunInput,
    CleanUpRunOutput,
    DatasetDropped,
    Failure,
    NotifyInput,
    Run,
    SweepEndpointsOutput,
)
from finetune.environment import NotifyEnvironment, SweepEnvironment
from finetune.errors import UnsupportedDataset

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

Ending = Literal["ABORTED", "TIMED_OUT", "FAILED"]
ENDINGS: tuple[Ending, ...] = ("ABORTED", "TIMED_OUT", "FAILED")

_ENDED = {
    "ABORTED": ("Aborted", "Somebody stopped the execution."),
    "TIMED_OUT": ("States.Timeout", "The execution reached its time limit."),
}
# How far back the sweeper looks for executions whose status change was never delivered, and how many of each status.
LOOK_BACK, MOST_LOST = timedelta(hours=6), 25


def clean_up_run(
    bedrock: BedrockClient,
    ssm: SSMClient,
    s3: S3Client,
    sns: SNSClient,
    request: CleanUpRunInput,
    environment: NotifyEnvironment,
) -> CleanUpRunOutput:
    """Release what an ended execution owned and send its mail if none was sent; doing it twice does nothing more."""
    attempts, released, sent = Attempts(), [], False
    run = owned_run(s3, request, environment)
    if run:
        with attempts.one():
            released = release.release_run(bedrock, ssm, run, stack=environment.STACK_NAME)
    error, cause = _ENDED.get(request.status, (request.error or "Unknown", request.cause or ""))
    ended = Failure(Error=error, Cause=cause)
    letter = messages.compose(
        NotifyInput(outcome="RunFailed", execution_arn=request.execution_arn, run=run, error=ended)
    )
    with attempts.one():
        sent = mail.deliver(
            s3,
            sns,
            bucket=environment.ARTIFACT_BUCKET,
            topic_arn=environment.TOPIC_ARN,
            execution_arn=request.execution_arn,
            mail=letter,
        )
    attempts.conclude()
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
    environment: SweepEnvironment,
) -> SweepEndpointsOutput:
    """Do what every other line of defence missed.

    Clean up after ended executions whose status event was lost, delete endpoints without an owner and mail that, and
    send mails that were written down but not sent. If one part fails the others are still done; its error is raised at
    the end, for the alarm.
    """
    bucket, topic_arn, attempts, sent = environment.ARTIFACT_BUCKET, environment.TOPIC_ARN, Attempts(), 0
    with attempts.one():
        for arn, status in ended_lately(stepfunctions, environment):
            with attempts.one():
                if not mail.was_sent(s3, bucket, arn):
                    lost = as_told(stepfunctions, arn, status)
                    sent += clean_up_run(bedrock, ssm, s3, sns, lost, environment).mail_sent
    swept = release.Sweep(bedrock, ssm, s3, stepfunctions, stack=environment.STACK_NAME, bucket=bucket)
    with attempts.one():
        swept.endpoints(attempts)
    if swept.released:
        with attempts.one():
            mail.publish(sns, topic_arn, messages.swept(environment.STACK_NAME, swept.released))
    with attempts.one():
        for arn in mail.unsent(s3, bucket):
            with attempts.one():
                if not release.is_running(stepfunctions, arn):
                    sent += mail.deliver(s3, sns, bucket=bucket, topic_arn=topic_arn, execution_arn=arn, mail=None)
    attempts.conclude()
    return SweepEndpointsOutput(checked=swept.checked, released=tuple(swept.released), mails_sent=sent)


def ended_lately(stepfunctions: SFNClient, environment: SweepEnvironment) -> list[tuple[str, Ending]]:
    """The executions that ended without success lately, and how."""
    ended: list[tuple[str, Ending]] = []
    for status in ENDINGS:
        with translated(f"listing {status} executions"):
            page = stepfunctions.list_executions(
                stateMachineArn=environment.STATE_MACHINE_ARN, statusFilter=status, maxResults=MOST_LOST
            )
        now = service_time(page)
        ended += [(each["executionArn"], status) for each in page["executions"] if now - each["stopDate"] < LOOK_BACK]
    return ended


def as_told(stepfunctions: SFNClient, arn: str, status: Ending) -> CleanUpRunInput:
    """What EventBridge would have said of an execution's end."""
    with translated(f"looking at {arn}"):
        found = stepfunctions.describe_execution(executionArn=arn)
    return CleanUpRunInput(
        execution_arn=arn,
        status=status,
        input=found.get("input"),
        error=found.get("error"),
        cause=found.get("cause"),
    )
