"""One mail per execution through SNS: written down first, so that a lost one is sent later and never twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from finetune.aws import storage
from finetune.aws.translation import translated
from finetune.aws.written import marked, read_back
from finetune.errors import FineTuneError, MailUnconfirmed
from finetune.frozen import Frozen
from finetune.letter import Mail

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

OUTBOX = "outbox/"
SENT = "mails/"
# Longer than any function runs that sends: one that has not finished by then has died.
CLAIM_HOLDS = timedelta(minutes=15)
# After these nobody got the mail; after any other error SNS may have taken it and the answer was lost.
_NOT_SENT = (ClientError, EndpointConnectionError, ConnectTimeoutError)


class Letter(Frozen):
    """A mail that was written down."""

    subject: str
    body: str


def name_of(execution_arn: str, redrives: int = 0) -> str:
    """What a mail is kept under: one for an execution, and one more for each time it was redriven."""
    name = execution_arn.rsplit(":", 1)[-1]
    return f"{name}-redrive-{redrives}" if redrives else name


def was_sent(s3: S3Client, bucket: str, execution_arn: str, redrives: int = 0) -> bool:
    """Whether an execution's mail went out."""
    return storage.read(s3, f"s3://{bucket}/{SENT}{name_of(execution_arn, redrives)}.json") is not None


def all_sent(s3: S3Client, bucket: str) -> list[str]:
    """The names of all mails that went out."""
    return _names(s3, f"s3://{bucket}/{SENT}")


def deliver(
    s3: S3Client, sns: SNSClient, *, bucket: str, topic_arn: str, execution_arn: str, mail: Mail, redrives: int = 0
) -> bool:
    """Send an execution's mail unless it was sent already or is being sent; returns whether this call sent it.

    The first mail that was written down for an execution is the one that is sent. SNS is asked once: where its answer
    is lost, the mail counts as sent, and stays in the outbox. MailUnconfirmed, once, after some minutes of doubt.
    """
    if was_sent(s3, bucket, execution_arn, redrives):
        return False
    name = write_down(s3, bucket, execution_arn, mail, redrives)
    return send(s3, sns, bucket=bucket, topic_arn=topic_arn, name=name)


def write_down(s3: S3Client, bucket: str, execution_arn: str, mail: Mail, redrives: int = 0) -> str:
    """Put a mail into the outbox unless there is one; the name under which it is sent, now or by the sweeper."""
    name = name_of(execution_arn, redrives)
    content = orjson.dumps(marked({"execution_arn": execution_arn, "subject": mail.subject, "body": mail.body}))
    storage.write_once(s3, f"s3://{bucket}/{OUTBOX}{name}.json", content, "application/json")
    return name


def send(s3: S3Client, sns: SNSClient, *, bucket: str, topic_arn: str, name: str) -> bool:
    """Send what is written down under a name, as `deliver` does."""
    outbox, sent = f"s3://{bucket}/{OUTBOX}{name}.json", f"s3://{bucket}/{SENT}{name}.json"
    letter = storage.read(s3, outbox)
    if letter is None:
        return False
    said = read_back(Letter, letter, outbox)
    # Nothing is read between the claim and the call, so that a claim without a mail is rare, and stays.
    claim = f"s3://{bucket}/{SENT}{name}.sending"
    if not storage.write_once(s3, claim, b"", "text/plain"):
        return _settled(s3, claim, letter, sent)
    try:
        publish(sns, topic_arn, Mail(subject=said.subject, body=said.body))
    except FineTuneError as error:
        if isinstance(error.__cause__, _NOT_SENT):
            storage.delete(s3, claim)
            raise
        # SNS may have taken it. The letter and the claim stay, for the sweeper to tell of.
        return True
    storage.write(s3, sent, letter, "application/json")
    storage.delete(s3, outbox)
    return True


def unsent(s3: S3Client, bucket: str) -> list[str]:
    """The names of the mails that were written down, never confirmed as sent, and still tell how an execution ended."""
    names = _names(s3, f"s3://{bucket}/{OUTBOX}")
    last = dict(sorted(map(_numbered, all_sent(s3, bucket)))) if names else {}
    return [name for name in names if last.get((told := _numbered(name))[0], 0) <= told[1]]


def _numbered(name: str) -> tuple[str, int]:
    """What a mail's name says: whose end it tells, and after how many redrives."""
    execution, _, redrives = name.rpartition("-redrive-")
    return (execution, int(redrives)) if execution and redrives.isdecimal() else (name, 0)


def _names(s3: S3Client, folder: str) -> list[str]:
    kept = map(PurePosixPath, storage.keys_under(s3, folder))
    return [path.stem for path in kept if path.suffix == ".json"]


def none_is_due(s3: S3Client, bucket: str, execution_arn: str) -> None:
    """Write down that an execution gets no mail of its own, so that nobody looks for it; one that was sent stands."""
    content = orjson.dumps({"execution_arn": execution_arn, "subject": None, "body": "No mail of its own was due."})
    storage.write_once(s3, f"s3://{bucket}/{SENT}{name_of(execution_arn)}.json", content, "application/json")


def none_was_due(s3: S3Client, bucket: str, execution_arn: str) -> bool:
    """Whether that is written down."""
    content = storage.read(s3, f"s3://{bucket}/{SENT}{name_of(execution_arn)}.json")
    return content is not None and orjson.loads(content)["subject"] is None


def _settled(s3: S3Client, claim: str, letter: bytes, sent: str) -> bool:
    """False while somebody may be sending it; what was claimed long ago counts as sent, which is told once."""
    age = storage.age(s3, claim)
    if age is None or age <= CLAIM_HOLDS or not storage.write_once(s3, sent, letter, "application/json"):
        return False
    raise MailUnconfirmed(f"The mail {sent} may not have arrived: SNS did not answer, or its sender died.")


def publish(sns: SNSClient, topic_arn: str, mail: Mail) -> None:
    with translated("sending a mail"):
        sns.publish(TopicArn=topic_arn, Subject=mail.subject, Message=mail.body)
