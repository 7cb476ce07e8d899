"""Executions of the state machine: a dropped object starts one, however often its event is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune import messages
from finetune.aws import mail
from finetune.aws.translation import code_of, translated
from finetune.contracts import DatasetDropped, Failure, NotifyInput, StartRunOutput
from finetune.domain.customization import jobs
from finetune.environment import StartEnvironment
from finetune.errors import FineTuneError, ServiceBusy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient


def start_run(
    stepfunctions: SFNClient, s3: S3Client, sns: SNSClient, dropped: DatasetDropped, environment: StartEnvironment
) -> StartRunOutput:
    """Start a dropped object's execution, or find the one that an earlier delivery started.

    If Step Functions refuses it for good, one mail says so, and the error is raised for the dead letter.
    """
    name = jobs.execution_name(**dropped.model_dump())
    arn = f"{environment.STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        _start(stepfunctions, environment.STATE_MACHINE_ARN, name, dropped)
    except ServiceBusy:
        raise
    except FineTuneError as error:
        refusal = Failure(Error=type(error).__name__, Cause=str(error))
        # Not the execution's own mail: that is still to be sent if a person starts the execution later.
        unstarted = f"{arn}-not-started"
        known = NotifyInput(outcome="RequestRefused", execution_arn=unstarted, request=dropped.payload(), error=refusal)
        mail.deliver(
            s3,
            sns,
            bucket=environment.ARTIFACT_BUCKET,
            topic_arn=environment.TOPIC_ARN,
            execution_arn=unstarted,
            mail=messages.compose(known),
        )
        raise
    return StartRunOutput(execution_arn=arn)


def _start(stepfunctions: SFNClient, machine_arn: str, name: str, dropped: DatasetDropped) -> None:
    """StartExecution; the same name with the same input again is the same start, also once the execution has ended."""
    with translated(f"starting execution {name}"):
        try:
            stepfunctions.start_execution(
                stateMachineArn=machine_arn, name=name, input=dropped.model_dump_json(exclude_defaults=True)
            )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise
