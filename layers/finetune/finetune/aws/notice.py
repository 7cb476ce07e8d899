"""The one mail that tells how a run ended, written when it is sent, from what then stands."""

from __future__ import annotations

from finetune import letter, messages
from finetune.aws import executions, mail, refusals, retention, spending
from finetune.aws.clients import Acting
from finetune.aws.standing import standing
from finetune.contracts import NotifyInput
from finetune.parts import Outcome
from finetune.remains import Standing

# These ends come before anything is started, so nothing can stand.
BEFORE_ANY_JOB: frozenset[Outcome] = frozenset(
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


def deliver(by: Acting, known: NotifyInput, redrives: int, *, unknown: str = "") -> bool:
    """Write and send the mail of an execution's end, unless one was sent since it was last redriven.

    `unknown` is why it cannot be told whose run this was, so that nothing is denied. False too if the execution was
    redriven since it was looked at: it has not ended, and who ends it tells how.
    """
    bedrock, ssm, s3, environment = by.bedrock, by.ssm, by.s3, by.environment
    bucket, arn = environment.ARTIFACT_BUCKET, known.execution_arn
    if mail.was_sent(s3, bucket, arn, redrives) or _is_told_with_others(by, known):
        return False
    asked = known.run if known.outcome not in BEFORE_ANY_JOB else None
    stands = (
        standing(bedrock, ssm, s3, asked, stack=environment.STACK_NAME) if asked else Standing(unknown=unknown or None)
    )
    if asked:
        dates = retention.dated(bedrock, asked, stands, stack=environment.STACK_NAME)
        stands = stands.model_copy(update={"deletion": dates, "spent": spending.written(s3, known, asked, stands)})
    told = messages.compose(known, stands)
    found = executions.look(by.stepfunctions, arn)
    if found and found.redrives > redrives:
        return False
    return mail.deliver(
        s3,
        by.sns,
        bucket=bucket,
        topic_arn=environment.TOPIC_ARN,
        execution_arn=arn,
        redrives=redrives,
        mail=letter.corrected(told)
        if any(mail.was_sent(s3, bucket, arn, earlier) for earlier in range(redrives))
        else told,
    )


def _is_told_with_others(by: Acting, known: NotifyInput) -> bool:
    """Whether a drop was refused after so many others that one mail tells of them together."""
    if known.outcome != "RequestRefused":
        return False
    found = executions.look(by.stepfunctions, known.execution_arn)
    return found is not None and not refusals.has_own_mail(by.s3, by.environment.ARTIFACT_BUCKET, known, found.as_of)
