"""A run that waits for capacity tells it once, and whatever comes of the mail, it goes on waiting."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from finetune.aws import mail, waiting
from finetune.errors import QuotaExceeded, ServiceRefused, TooManyRunsAtOnce
from finetune.run import Run
from finetune.settings import Settings
from tests.evaluating import run as planned
from tests.integration.deployed import down, refused
from tests.integration.fakes import MemoryBucket, MemoryTopic

WORDS = "While starting customization job shop-c1: ServiceQuotaExceededException: The account has 10 jobs."


def ask(bucket: MemoryBucket, topic: MemoryTopic, run: Run, error: Exception | None = None) -> None:
    with waiting.told(cast("Any", bucket), cast("Any", topic), run, "topic"):
        if error:
            raise error


def wait(bucket: MemoryBucket, topic: MemoryTopic, run: Run) -> None:
    with pytest.raises(QuotaExceeded, match="has 10 jobs"):
        ask(bucket, topic, run, QuotaExceeded(WORDS))


def test_the_first_refusal_of_a_run_is_mailed_and_no_later_one() -> None:
    bucket, topic, run = MemoryBucket(), MemoryTopic(), planned()
    for _ in range(3):
        wait(bucket, topic, run)
    assert topic.sent == ["Waiting for capacity: shop"]
    [(kept, _)] = bucket.objects.values()
    assert json.loads(kept) == {"error": WORDS}
    wait(bucket, topic, run.model_copy(update={"folder": f"{run.folder}-another"}))
    assert len(topic.sent) == 2


def test_a_run_that_waits_for_others_to_end_tells_it_too() -> None:
    topic = MemoryTopic()
    with pytest.raises(TooManyRunsAtOnce):
        ask(MemoryBucket(), topic, planned(), TooManyRunsAtOnce("The stack allows 1 run at once."))
    assert topic.sent == ["Waiting for capacity: shop"]


def test_the_mail_about_the_end_is_still_to_be_sent() -> None:
    bucket, topic, run = MemoryBucket(), MemoryTopic(), planned()
    wait(bucket, topic, run)
    assert not mail.was_sent(cast("Any", bucket), "artifacts", run.execution_arn)
    assert mail.unsent(cast("Any", bucket), "artifacts") == []


def test_settings_that_ask_for_silence_get_it() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    settings = Settings.model_validate({"notify": {"waiting": False}})
    wait(bucket, topic, planned().model_copy(update={"settings": settings}))
    assert (topic.sent, bucket.objects) == ([], {})


@pytest.mark.parametrize("error", [None, ServiceRefused("no")])
def test_nothing_is_told_of_what_works_or_fails_otherwise(error: Exception | None) -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    if error:
        with pytest.raises(ServiceRefused):
            ask(bucket, topic, planned(), error)
    else:
        ask(bucket, topic, planned())
    assert (topic.sent, bucket.objects) == ([], {})


def test_a_mail_that_cannot_be_sent_does_not_end_the_wait() -> None:
    wait(MemoryBucket(), MemoryTopic(before=down), planned())

    def denied(**_: object) -> None:
        raise refused("AccessDenied")

    bucket, topic = MemoryBucket(), MemoryTopic()
    bucket.put_object = denied  # type: ignore[method-assign]  # S3 as this run may not write to it
    wait(bucket, topic, planned())
    assert topic.sent == []
