"""Drops that are refused: a few of a project within an hour have mails of their own, and one mail tells of the others.

`refusals/hours/<hour>/<project>/` in the artifact bucket has an `alone-<number>.json` for each that has its own mail,
and a file for each other one. `refusals/untold/` names the hours whose mail is still to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson

from finetune import notices
from finetune.aws import mail, storage
from finetune.aws.release import Attempts
from finetune.aws.written import marked, read_back
from finetune.contracts import NotifyInput
from finetune.domain.customization import projects
from finetune.foreign import foreign
from finetune.parts import Refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

# How many drops of a project have mails of their own within an hour, and how many one mail names beside them.
MOST_ALONE, MOST_NAMED = 3, 10
# So much of foreign text is in such a mail.
MOST_CHARACTERS = 160
# The hour, and for how long a function may still write down what it was called for within it.
OVER = timedelta(minutes=75)
# The folder of what was dropped directly under incoming/, where each file is a project; no slug is like it.
NO_FOLDER = "_"
HOURS, UNTOLD = "refusals/hours/", "refusals/untold/"


def has_own_mail(s3: S3Client, bucket: str, known: NotifyInput, now: datetime) -> bool:
    """Whether a refused drop is told in a mail of its own; what is not is written down for the mail of its hour."""
    request = known.request or {}
    key = str(request.get("key", ""))
    hour, group = f"{now:%Y-%m-%dT%H}", _group(request)
    folder = f"s3://{bucket}/{HOURS}{hour}/{group}/"
    own = orjson.dumps({"execution_arn": known.execution_arn})
    for number in range(MOST_ALONE):
        uri = f"{folder}alone-{number}.json"
        if storage.write_once(s3, uri, own, "application/json") or storage.read(s3, uri) == own:
            return True
    error = known.error
    refusal = Refusal(
        dataset=foreign(f"s3://{request.get('bucket', '?')}/{key}", MOST_CHARACTERS),
        error=error.Error if error else "Unknown",
        cause=foreign(error.sentence, MOST_CHARACTERS) if error else "",
        execution_arn=known.execution_arn,
    )
    storage.write_once(s3, f"s3://{bucket}/{UNTOLD}{hour}/{group}.json", b"{}", "application/json")
    storage.write_json(s3, f"{folder}{mail.name_of(known.execution_arn)}.json", marked(refusal.payload()))
    mail.none_is_due(s3, bucket, known.execution_arn)
    return False


def _group(request: Mapping[str, Any]) -> str:
    above = "projects/" if request.get("evaluate") else projects.INCOMING
    folder, _, file = str(request.get("key", "")).removeprefix(above).partition("/")
    return projects.project_slug(folder) if folder and file else NO_FOLDER


def tell(s3: S3Client, sns: SNSClient, bucket: str, topic_arn: str) -> int:
    """Send the mails of the hours that are over, each once; how many were sent."""
    attempts, sent = Attempts(), 0
    for uri in storage.keys_under(s3, f"s3://{bucket}/{UNTOLD}"):
        age = storage.age(s3, uri)
        if age is not None and age >= OVER:
            with attempts.one():
                sent += _tell(s3, sns, bucket, topic_arn, PurePosixPath(uri))
                storage.delete(s3, uri)
    attempts.conclude()
    return sent


def _tell(s3: S3Client, sns: SNSClient, bucket: str, topic_arn: str, untold: PurePosixPath) -> bool:
    hour, group = untold.parts[-2], untold.stem
    name, folder = f"refusals-{hour}-{group}", f"s3://{bucket}/{HOURS}{hour}/{group}/"
    uris = [uri for uri in storage.keys_under(s3, folder) if not PurePosixPath(uri).name.startswith("alone-")]
    found = [read_back(Refusal, storage.read(s3, uri) or b"", uri) for uri in uris[:MOST_NAMED]]
    # Of one that was written down twice around the full hour a mail of its own may have gone out.
    named = [each for each in found if mail.none_was_due(s3, bucket, each.execution_arn)]
    if not named:
        return False
    where = "directly under incoming/" if group == NO_FOLDER else f"project {group}"
    told = notices.refusals(where, named, more=len(uris) - len(found), folder=folder)
    return mail.deliver(s3, sns, bucket=bucket, topic_arn=topic_arn, execution_arn=name, mail=told)
