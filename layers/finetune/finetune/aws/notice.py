"""The one mail that tells how a run ended, written when it is sent, from what then stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune import letter, messages
from finetune.aws import mail, retention, spending
from finetune.aws.standing import standing
from finetune.contracts import NotifyInput
from finetune.environment import NotifyEnvironment
from finetune.parts import Outcome
from finetune.remains import Standing

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient

# These ends come before anything is started, so nothing can stand.
_BEFORE_ANY_JOB: frozenset[Outcome] = frozenset(
    {
        "RequestRefused",
        "DatasetRejected",
        "NothingNew",
        "NoVerdictPossible",
        "BudgetExceeded",
        "ApprovalExpired",
        "ApprovalRejected",
    }
)


def deliver(  # noqa: PLR0913 - each is something of its own that a mail rests on
    bedrock: BedrockClient,
    ssm: SSMClient,
    s3: S3Client,
    sns: SNSClient,
    known: NotifyInput,
    redrives: int,
    environment: NotifyEnvironment,
    *,
    unknown: str = "",
) -> bool:
    """Write and send the mail of an execution's end, unless one was sent since it was last redriven.

    `unknown` is why it cannot be told whose run this was, so that nothing is denied.
    """
    bucket, arn = environment.ARTIFACT_BUCKET, known.execution_arn
    if mail.was_sent(s3, bucket, arn, redrives):
        return False
    asked = known.run if known.outcome not in _BEFORE_ANY_JOB else None
    stands = (
        standing(bedrock, ssm, s3, asked, stack=environment.STACK_NAME) if asked else Standing(unknown=unknown or None)
    )
    if asked:
        dates = retention.dated(bedrock, asked, stands, stack=environment.STACK_NAME)
        stands = stands.model_copy(update={"deletion": dates, "spent": spending.written(s3, known, asked, stands)})
    told = messages.compose(known, stands)
    return mail.deliver(
        s3,
        sns,
        bucket=bucket,
        topic_arn=environment.TOPIC_ARN,
        execution_arn=arn,
        redrives=redrives,
        mail=letter.corrected(told)
        if any(mail.was_sent(s3, bucket, arn, earlier) for earlier in range(redrives))
        else told,
    )
