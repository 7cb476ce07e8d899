"""Mail: what SNS sends to e-mail subscribers is a file that a person can open."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.clock import Clock
from local.cloud import Cloud
from local.gateway.mail import Outbox


@pytest.fixture(scope="module")
def topic(cloud: Cloud) -> str:
    """A topic with one e-mail subscriber."""
    sns = cloud.client("sns")
    arn: str = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="anna@example.com")
    return arn


def test_an_email_subscription_counts_as_confirmed(cloud: Cloud, topic: str) -> None:
    (subscription,) = cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    assert subscription["SubscriptionArn"].startswith(topic)


def test_a_message_becomes_one_mail_per_subscriber(cloud: Cloud, topic: str) -> None:
    before = len(cloud.mails())
    text = "Größe: 7 €\n\n" + "A long line. " * 50 + "\nend"

    cloud.client("sns").publish(TopicArn=topic, Subject="Run 7: promoted", Message=text)

    (mail,) = cloud.mails()[before:]
    assert (mail.to, mail.subject, mail.body) == ("anna@example.com", "Run 7: promoted", text)
    assert "Subject: Run 7: promoted" in mail.path.read_text(encoding="utf-8")


REFUSED = {"long": "x" * 100, "two lines": "a\nb", "not ASCII": "Größe", "control": "a\x07b", "leading space": " a"}


@pytest.mark.parametrize("subject", REFUSED.values(), ids=REFUSED.keys())
def test_a_subject_that_sns_refuses_is_refused_and_nothing_is_sent(cloud: Cloud, topic: str, subject: str) -> None:
    before = len(cloud.mails())

    with pytest.raises(ClientError, match="InvalidParameter"):
        cloud.client("sns").publish(TopicArn=topic, Subject=subject, Message="x")
    assert len(cloud.mails()) == before


def test_a_subject_of_99_characters_is_sent(cloud: Cloud, topic: str) -> None:
    cloud.client("sns").publish(TopicArn=topic, Subject="x" * 99, Message="x")

    assert cloud.mails()[-1].subject == "x" * 99


def test_a_message_over_256_kb_is_refused(cloud: Cloud, topic: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameter"):
        cloud.client("sns").publish(TopicArn=topic, Message="x" * 262_145)


def test_mails_are_kept_in_the_order_of_sending(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock())

    for number in range(20):
        outbox.deliver("anna@example.com", f"Mail {number}", "text")

    mails = [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(tmp_path.iterdir())]
    assert [mail["Subject"] for mail in mails] == [f"Mail {number}" for number in range(20)]
