"""One mail per execution through SNS: written down first, so that a lost one is sent later and never twice."""

from __future__ import annotations

from datetime import timedelta
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
# Longer than any function runs that sends: one that has not finished by then has died.
CLAIM_HOLDS = timedelta(minutes=15)


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[-1]


def was_sent(s3: S3Client, bucket: str, execution_arn: str) -> bool:
    """Whether an execution's mail went out."""
    return storage.read(s3, f"s3://{bucket}/{SENT}{_name(execution_arn)}.json") is not None


def deliver(
    s3: S3Client, sns: SNSClient, *, bucket: str, topic_arn: str, execution_arn: str, mail: Mail | None
) -> bool:
    """Send an execution's mail unless it was sent already or is being sent; returns whether this call sent it.

    The first mail that was written down for an execution is the one that is sent. `mail` None sends what is written
    down.
    """
    if was_sent(s3, bucket, execution_arn):
        return False
    outbox = f"s3://{bucket}/{OUTBOX}{_name(execution_arn)}.json"
    if mail is not None:
        content = orjson.dumps({"execution_arn": execution_arn, "subject": mail.subject, "body": mail.body})
        storage.write_once(s3, outbox, content, "application/json")
    written = storage.read(s3, outbox)
    claim = f"s3://{bucket}/{OUTBOX}{_name(execution_arn)}.sending"
    if written is None or not _claimed(s3, claim):
        return False
    try:
        # Whoever held the claim before may have sent it since the first look.
        if was_sent(s3, bucket, execution_arn):
            return False
        letter = orjson.loads(written)
        publish(sns, topic_arn, Mail(subject=letter["subject"], body=letter["body"]))
        storage.write(s3, f"s3://{bucket}/{SENT}{_name(execution_arn)}.json", written, "application/json")
        storage.delete(s3, outbox)
    finally:
        storage.delete(s3, claim)
    return True


def _claimed(s3: S3Client, claim: str) -> bool:
    """Whether this process may send; what a dead one claimed is free again for the next."""
    if storage.write_once(s3, claim, b"", "text/plain"):
        return True
    age = storage.age(s3, claim)
    if age is not None and age > CLAIM_HOLDS:
        storage.delete(s3, claim)
    return False


def publish(sns: SNSClient, topic_arn: str, mail: Mail) -> None:
    with translated("sending a mail"):
        sns.publish(TopicArn=topic_arn, Subject=mail.subject, Message=mail.body)


def unsent(s3: S3Client, bucket: str) -> list[str]:
    """The executions whose mail was written down and never confirmed as sent."""
    uris = storage.keys_under(s3, f"s3://{bucket}/{OUTBOX}")
    letters = (storage.read(s3, uri) for uri in uris if uri.endswith(".json"))
    return [orjson.loads(letter)["execution_arn"] for letter in letters if letter]
