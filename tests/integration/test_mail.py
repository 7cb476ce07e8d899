"""One mail per execution, whoever sends it, however often, and whatever fails in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from finetune.aws import mail
from finetune.errors import AccessRefused, MailUnconfirmed, ServiceBusy
from finetune.letter import Mail
from tests.integration.fakes import MemoryBucket, MemoryTopic

ARN = "arn:aws:states:us-east-1:123456789012:execution:stack:one"


def deliver(bucket: MemoryBucket, topic: MemoryTopic, subject: str = "first", redrives: int = 0) -> bool:
    s3, sns, letter = cast("Any", bucket), cast("Any", topic), Mail(subject=subject, body="body")
    return mail.deliver(
        s3, sns, bucket="artifacts", topic_arn="topic", execution_arn=ARN, mail=letter, redrives=redrives
    )


def again(bucket: MemoryBucket, topic: MemoryTopic) -> int:
    """What the sweeper does: send what is written down; how many it sent."""
    s3, sns = cast("Any", bucket), cast("Any", topic)
    names = mail.unsent(s3, "artifacts")
    return sum(mail.send(s3, sns, bucket="artifacts", topic_arn="topic", name=name) for name in names)


def busy() -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "down"}}, "Publish")


def refused_connection() -> None:
    raise EndpointConnectionError(endpoint_url="https://sns")


def test_the_first_mail_written_down_is_the_one_sent_and_no_second_follows() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    assert [deliver(bucket, topic), deliver(bucket, topic, "second"), again(bucket, topic)] == [True, False, 0]
    assert topic.sent == ["first"]
    assert [key for key in bucket.objects if key.endswith(".json")] == ["mails/one.json"]
    assert mail.all_sent(cast("Any", bucket), "artifacts") == ["one"]


def test_an_execution_that_was_redriven_gets_one_more_mail() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    assert [deliver(bucket, topic, f"after {n}", n) for n in (0, 1, 1, 2, 0)] == [True, True, False, True, False]
    assert topic.sent == ["after 0", "after 1", "after 2"]


def test_a_mail_that_was_not_sent_before_a_redrive_does_not_follow_the_one_after_it() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic(before=busy)
    for redrives in (0, 2):
        with pytest.raises(ServiceBusy):
            deliver(bucket, topic, f"after {redrives}", redrives)
    topic.before = lambda: None
    assert deliver(bucket, topic, "after 1", 1)
    assert mail.unsent(cast("Any", bucket), "artifacts") == ["one-redrive-2"]
    assert again(bucket, topic) == 1
    assert topic.sent == ["after 1", "after 2"]


@pytest.mark.parametrize("failing", [busy, refused_connection])
def test_a_mail_that_could_not_be_sent_is_kept_and_sent_later_as_it_was_written(failing: Callable[[], None]) -> None:
    bucket, topic = MemoryBucket(), MemoryTopic(before=failing)
    with pytest.raises(ServiceBusy):
        deliver(bucket, topic)
    assert mail.unsent(cast("Any", bucket), "artifacts") == ["one"]
    topic.before = lambda: None
    assert deliver(bucket, topic, "second")
    assert topic.sent == ["first"]
    assert mail.unsent(cast("Any", bucket), "artifacts") == []


@pytest.mark.parametrize("lost", [ReadTimeoutError, ConnectionClosedError])
def test_a_mail_whose_answer_was_lost_is_not_sent_again(lost: Callable[..., BotoCoreError]) -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()

    class Losing(MemoryTopic):
        def publish(self, **asked: str) -> None:
            topic.publish(**asked)
            raise lost(endpoint_url="https://sns")

    assert deliver(bucket, Losing())
    assert [deliver(bucket, topic), again(bucket, topic)] == [False, 0]
    bucket.now += timedelta(minutes=16)
    with pytest.raises(MailUnconfirmed, match=r"mails/one\.json may not have arrived"):
        again(bucket, topic)
    assert [deliver(bucket, topic), again(bucket, topic)] == [False, 0]
    assert topic.sent == ["first"]
    assert mail.unsent(cast("Any", bucket), "artifacts") == ["one"]


def test_a_mail_that_went_out_but_could_not_be_noted_is_not_sent_again() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    put = bucket.put_object

    def refuse(**asked: Any) -> None:
        if asked["Key"] == "mails/one.json":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        put(**asked)

    bucket.put_object = refuse  # type: ignore[method-assign]  # a fault
    with pytest.raises(AccessRefused):
        deliver(bucket, topic)
    bucket.put_object = put  # type: ignore[method-assign]  # the fault has gone
    assert not deliver(bucket, topic)
    bucket.now += timedelta(minutes=16)
    with pytest.raises(MailUnconfirmed, match=r"mails/one\.json"):
        again(bucket, topic)
    assert [again(bucket, topic), deliver(bucket, topic), topic.sent] == [0, False, ["first"]]


def test_two_senders_at_the_same_time_send_one_mail() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic()
    others: list[bool] = []

    def meanwhile() -> None:
        topic.before = lambda: None
        others.append(deliver(bucket, topic, "second"))

    topic.before = meanwhile
    assert deliver(bucket, topic)
    assert (others, topic.sent) == ([False], ["first"])


def test_a_mail_whose_sender_died_is_told_of_once_and_not_risked_twice() -> None:
    bucket, topic = MemoryBucket(), MemoryTopic(before=busy)
    with pytest.raises(ServiceBusy):
        deliver(bucket, topic)
    topic.before = lambda: None
    bucket.objects["mails/one.sending"] = (b"", bucket.now)
    bucket.now += timedelta(minutes=14)
    assert not deliver(bucket, topic)
    bucket.now += timedelta(minutes=2)
    with pytest.raises(MailUnconfirmed):
        deliver(bucket, topic)
    assert [deliver(bucket, topic), again(bucket, topic), topic.sent] == [False, 0, []]


def test_nothing_is_sent_where_nothing_was_written() -> None:
    assert again(MemoryBucket(), MemoryTopic()) == 0
