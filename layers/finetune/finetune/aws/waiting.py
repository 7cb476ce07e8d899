"""A run that waits for capacity says so once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import orjson

from finetune import notices
from finetune.aws import mail, storage
from finetune.errors import FineTuneError, QuotaExceeded, TooManyRunsAtOnce
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient


@contextmanager
def told(s3: S3Client, sns: SNSClient, run: Run, topic_arn: str) -> Iterator[None]:
    """Let what is waited for pass to the state machine, which waits; the first of a run is mailed if its settings ask.

    The mail goes out at most once: `waiting.json` in the run's folder is written before it.
    """
    try:
        yield
    except (QuotaExceeded, TooManyRunsAtOnce) as error:
        # The wait must not end because its mail cannot be sent.
        with suppress(FineTuneError):
            if run.settings.notify.waiting and _is_first(s3, run, error):
                mail.publish(sns, topic_arn, notices.waiting(run, error))
        raise


def _is_first(s3: S3Client, run: Run, error: FineTuneError) -> bool:
    return storage.write_once(s3, run.uri("waiting.json"), orjson.dumps({"error": str(error)}), "application/json")
