"""Mails beside the one about a run's end."""

from __future__ import annotations

from finetune import errors, notices
from finetune.run import Run
from tests.unit.test_messages import RUN


def test_the_mail_of_a_run_that_waits_says_for_what_how_long_what_to_do_and_how_to_be_spared_it() -> None:
    mail = notices.waiting(Run.model_validate(RUN), errors.QuotaExceeded("While opening: no model units."))
    assert "because a quota of the account is used up" in mail.body
    assert mail.subject == "Waiting for capacity: shop"
    for words in (
        "every 10 minutes for at most 48 hours",
        "While opening: no model units.",
        "What to do: ",
        "notify.waiting: false",
        "Run: 20261121-103005-0badcafe",
        "Execution: arn:execution",
    ):
        assert words in mail.body


def test_a_run_that_waits_for_other_runs_is_not_told_to_ask_for_a_quota() -> None:
    mail = notices.waiting(Run.model_validate(RUN), errors.TooManyRunsAtOnce("The stack allows 2 runs at once."))
    assert mail.subject == "Waiting for capacity: shop"
    assert "because as many runs go on as the stack allows" in mail.body
    assert "have the stack deployed with a higher MostRunsAtOnce" in mail.body
    assert "Service Quotas" not in mail.body
