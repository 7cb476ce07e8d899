"""The outbox: what SNS would send to e-mail subscribers becomes one .eml file per message and subscriber."""

import re
import uuid
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from ministack.services import sns

from local.clock import Clock
from local.gateway import seams

SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
DEFAULT_SUBJECT = "AWS Notification Message"
EMAIL = ("email", "email-json")
SUBJECT = re.compile(r"[!-~][ -~]{0,98}")


class Outbox:
    """A folder of mails, in the order in which they were sent."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)

    def install(self) -> None:
        """Deliver e-mail subscriptions here, and refuse the subjects that SNS refuses."""
        seams.SNS_PUBLISH.wrap(_with_valid_subject)
        seams.SNS_FANOUT.wrap(self._delivering)

    def deliver(self, to: str, subject: str, body: str) -> Path:
        """Write one mail; the file appears whole or not at all."""
        mail = EmailMessage(policy=SMTP.clone(cte_type="8bit", utf8=False))
        mail["From"] = SENDER
        mail["To"] = to
        mail["Subject"] = subject or DEFAULT_SUBJECT
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{uuid.uuid4()}@sns.amazonaws.com>"
        mail.set_content(body)
        path = self._folder / f"{self._clock.now():%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:6]}.eml"
        partial = path.with_suffix(".part")
        partial.write_bytes(mail.as_bytes())
        return partial.rename(path)

    def _delivering(self, original: Any) -> Any:
        def fanout(topic_arn: str, message_id: str, message: str, subject: str, *rest: Any, **named: Any) -> None:
            topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
            for subscription in topic["subscriptions"]:
                if subscription["protocol"] in EMAIL:
                    self.deliver(subscription["endpoint"], subject, message)
            original(topic_arn, message_id, message, subject, *rest, **named)

        return fanout


def _with_valid_subject(original: Any) -> Any:
    def publish(topic_arn: str, message: str, subject: str = "", **named: Any) -> Any:
        if subject and not SUBJECT.fullmatch(subject):
            raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")
        return original(topic_arn, message, subject, **named)

    return publish
