"""One mail per execution, whoever sends it, however often, and whatever fails in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws import mail
from finetune.errors import ServiceBusy
from finetune.messages import Mail
from tests.integration.fakes import MemoryBucket, MemoryTopic

ARN = "arn:aws:states:us-east-1:123456789012:execution:stack:one"


def deliver(bucket: MemoryBucket, topic: MemoryTopic, subject: str | None = "first") -> bool:
    letter = Mail(subject=subject, body="body") if subject else None
    s3, sns = cast("Any", bucket), cast("Any", topic)
    return mail.deliver(s3, sns, bucket="artifacts", topic_arn="topic", execution_arn=ARN, mail=letter)


def busy() -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "down"}}, "Publish")


def test_the_first_mail_written_down_is_the_one_sent_and_no_second_follows() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    assert [deliver(bucket, topic), deliver(bucket, topic, "second"), deliver(bucket, topic, None)] == [
        True,
        False,
        False,
    ]
    assert topic.sent == ["first"]
    assert list(bucket.objects) == ["mails/one.json"]


def test_a_mail_that_could_not_be_sent_is_kept_and_sent_later_as_it_was_written() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic(before=busy)
    with pytest.raises(ServiceBusy):
        deliver(bucket, topic)
    assert mail.unsent(cast("Any", bucket), "artifacts") == [ARN]
    topic.before = lambda: None
    assert deliver(bucket, topic, "second")
    assert topic.sent == ["first"]
    assert mail.unsent(cast("Any", bucket), "artifacts") == []


def test_two_senders_at_the_same_time_send_one_mail() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    others: list[bool] = []

    def meanwhile() -> None:
        topic.before = lambda: None
        others.append(deliver(bucket, topic, "second"))

    topic.before = meanwhile
    assert deliver(bucket, topic)
    assert (others, topic.sent) == ([False], ["first"])


def test_what_a_dead_sender_claimed_is_sent_by_another_once_the_claim_is_over() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic(before=busy)
    with pytest.raises(ServiceBusy):
        deliver(bucket, topic)
    topic.before = lambda: None
    bucket.objects["outbox/one.sending"] = (b"", bucket.now)
    bucket.now += timedelta(minutes=14)
    assert [deliver(bucket, topic, None) for _ in range(2)] == [False, False]
    bucket.now += timedelta(minutes=2)
    assert [deliver(bucket, topic, None) for _ in range(2)] == [False, True]
    assert topic.sent == ["first"]


def test_nothing_is_sent_where_nothing_was_written() -> None:
    assert not deliver(MemoryBucket(), MemoryTopic(), None)
