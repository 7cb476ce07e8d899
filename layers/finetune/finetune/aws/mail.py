"""One mail per execution through SNS: written down first, so that a lost one is sent later and never twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from finetune.aws import storage
from finetune.aws.translation import translated
from finetune.messages import Mail

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

OUTBOX = "outbox/"
SENT = "mails/"


def _name(execution_arn: str) -> str:
    return f"{execution_arn.rsplit(':', 1)[-1]}.json"


def deliver(
    s3: S3Client, sns: SNSClient, *, bucket: str, topic_arn: str, execution_arn: str, mail: Mail | None
) -> bool:
    """Send an execution's mail unless it was sent; whether it was sent now.

    The first mail written down for an execution is the one that goes out, whoever sends it; None sends what is written.
    """
    outbox, sent = (f"s3://{bucket}/{folder}{_name(execution_arn)}" for folder in (OUTBOX, SENT))
    if storage.read(s3, sent) is not None:
        return False
    if mail is not None:
        content = orjson.dumps({"execution_arn": execution_arn, "subject": mail.subject, "body": mail.body})
        storage.write_once(s3, outbox, content, "application/json")
    written = storage.read(s3, outbox)
    if written is None:
        return False
    letter = orjson.loads(written)
    publish(sns, topic_arn, Mail(subject=letter["subject"], body=letter["body"]))
    storage.write(s3, sent, written, "application/json")
    storage.delete(s3, outbox)
    return True


def publish(sns: SNSClient, topic_arn: str, mail: Mail) -> None:
    with translated("sending a mail"):
        sns.publish(TopicArn=topic_arn, Subject=mail.subject, Message=mail.body)


def unsent(s3: S3Client, bucket: str) -> list[str]:
    """The executions whose mail was written down and never confirmed as sent."""
    letters = (storage.read(s3, uri) for uri in storage.keys_under(s3, f"s3://{bucket}/{OUTBOX}"))
    return [orjson.loads(letter)["execution_arn"] for letter in letters if letter]
