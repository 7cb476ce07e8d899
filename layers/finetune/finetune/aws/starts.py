"""A dropped object starts one execution, however often its event is delivered, at once or when it is possible again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from finetune import messages
from finetune.aws import executions, mail, storage
from finetune.aws.translation import code_of, translated
from finetune.aws.written import marked, read_back
from finetune.contracts import NotifyInput, StartRunOutput
from finetune.domain.customization import projects
from finetune.environment import StartEnvironment
from finetune.errors import FineTuneError, QuotaExceeded, ServiceBusy
from finetune.parts import Failure
from finetune.run import DatasetDropped

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient

STARTS = "starts/"
# A role or a state machine that was deployed a moment ago may be refused for some minutes.
REFUSED_FOR_GOOD = timedelta(minutes=30)


def start_run(
    stepfunctions: SFNClient, s3: S3Client, dropped: DatasetDropped, environment: StartEnvironment
) -> StartRunOutput:
    """Start a dropped object's execution, or find the one that an earlier delivery started.

    What Step Functions does not start now is written down, and the sweeper starts it.
    """
    name = projects.execution_name(**dropped.identity)
    try:
        _start(stepfunctions, environment, name, dropped)
    except FineTuneError:
        content = orjson.dumps(marked(dropped.model_dump(mode="json", exclude_defaults=True)))
        storage.write_once(s3, _waiting(environment, name), content, "application/json")
    return StartRunOutput(execution_arn=_arn(environment, name))


def waiting(s3: S3Client, environment: StartEnvironment) -> Iterator[str]:
    """The URIs of the starts that were written down."""
    yield from storage.keys_under(s3, f"s3://{environment.ARTIFACT_BUCKET}/{STARTS}")


def start_late(stepfunctions: SFNClient, s3: S3Client, sns: SNSClient, uri: str, environment: StartEnvironment) -> None:
    """Start what was written down. If it is refused for good one mail says so, and the error is raised, once."""
    written = storage.read(s3, uri)
    if written is None:
        return
    dropped = read_back(DatasetDropped, written, uri)
    name = projects.execution_name(**dropped.identity)
    try:
        _start(stepfunctions, environment, name, dropped)
    except (ServiceBusy, QuotaExceeded):
        return
    except FineTuneError as error:
        age = storage.age(s3, uri)
        if age is None or age < REFUSED_FOR_GOOD:
            return
        _tell(s3, sns, dropped, error, f"{_arn(environment, name)}-not-started", environment)
        storage.delete(s3, uri)
        raise
    storage.delete(s3, uri)


def _tell(
    s3: S3Client,
    sns: SNSClient,
    dropped: DatasetDropped,
    error: FineTuneError,
    unstarted: str,
    environment: StartEnvironment,
) -> None:
    """The mail under a name of its own: the execution's is still to be sent if a person starts it later."""
    refusal = Failure(Error=type(error).__name__, Cause=str(error))
    known = NotifyInput(outcome="RequestRefused", execution_arn=unstarted, request=dropped.payload(), error=refusal)
    mail.deliver(
        s3,
        sns,
        bucket=environment.ARTIFACT_BUCKET,
        topic_arn=environment.TOPIC_ARN,
        execution_arn=unstarted,
        mail=messages.compose(known),
    )


def _waiting(environment: StartEnvironment, name: str) -> str:
    return f"s3://{environment.ARTIFACT_BUCKET}/{STARTS}{name}.json"


def _arn(environment: StartEnvironment, name: str) -> str:
    return f"{environment.STATE_MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"


def _start(stepfunctions: SFNClient, environment: StartEnvironment, name: str, dropped: DatasetDropped) -> None:
    """StartExecution; the same name with the same input again is the same start, also once the execution has ended."""
    with translated(f"starting execution {name}"):
        try:
            stepfunctions.start_execution(
                stateMachineArn=environment.STATE_MACHINE_ARN,
                name=name,
                input=dropped.model_dump_json(exclude_defaults=True),
            )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise
            if executions.look(stepfunctions, _arn(environment, name)) is None:
                raise ServiceBusy(f"Step Functions says that {name} exists, and does not find it.") from error
