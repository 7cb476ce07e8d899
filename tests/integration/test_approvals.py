"""A question is written down and mailed once, with a token that stands in one place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from botocore.exceptions import ClientError

from finetune.aws import approvals
from finetune.contracts import SelectModelOutput
from finetune.domain.cost import Listed, PriceOverrides
from finetune.domain.customization.jobs import APPROVAL_BOUND
from finetune.errors import ChampionChanged, SettingsInvalid
from tests.integration.asking_people import PAYS, TOKEN, WHY, Person, person


@pytest.fixture
def asking() -> Iterator[Person]:
    with person() as found:
        yield found


def test_a_question_says_what_why_how_much_until_when_and_how_to_answer(asking: Person) -> None:
    asking.asked()
    assert asking.topic.sent == ["Approval needed before training: shop"]
    [body] = asking.topic.bodies
    name = asking.run.endpoint_name
    for words in (
        WHY,
        "  the run: estimated $12.00, at most $15.50\n",
        "  Training: $11.00\n",
        "  Evaluation: answers: $1.00, at most $4.50\n",
        "by the hour, at an unknown price",
        "answer until 2026-11-24 11:50 UTC",
        f"  finetune approve {name} --stack stack\n",
        f"  finetune reject {name} --stack stack --reason '...'",
        f"Execution: {asking.run.execution_arn}",
        f"Dataset: {asking.run.dataset.uri} (version {asking.run.dataset.version_id})",
    ):
        assert words in body
    assert "ApprovalExpired" not in body
    assert "above budget.limit_usd as it is now" not in body


def test_a_question_says_that_the_limit_was_lowered_below_what_the_run_may_cost(asking: Person) -> None:
    asking.set("budget: {limit_usd: 5}\n")
    asking.asked()
    assert "may cost up to $15.50, which is above budget.limit_usd as it is now, $5.00." in asking.topic.bodies[0]


def test_before_service_the_mail_has_the_evidence_and_the_price_of_an_hour_and_a_month(asking: Person) -> None:
    asking.set("prices: {provisioned_per_hour: 20}\n")
    asking.asked(stage="service")
    [body] = asking.topic.bodies
    assert f"Better by 12 points.\n{PAYS}\n" in body
    assert "in service: $20.00 an hour, about $14,600.00 a month, also when it is not used" in body
    assert "  until it is in service: at most 2 started hours, $40.00, beyond budget.limit_usd\n" in body
    assert "a month of provisioned throughput" not in body
    assert "Report: s3://artifacts/report.html" in body


def test_a_run_that_goes_on_with_a_trained_model_does_not_say_that_it_would_train_one(asking: Person) -> None:
    asking.asked(trained=SelectModelOutput(outcome="trained", reason="", model_arn="arn:m"))
    [body] = asking.topic.bodies
    assert asking.topic.sent == ["Approval needed before evaluation: shop"]
    assert "The run goes on with a model that is trained already, and waits for an answer before it evaluates" in body
    assert "before it trains" not in body


def test_an_attempt_that_is_repeated_keeps_its_new_token_and_mails_nothing_more(asking: Person) -> None:
    first = asking.asked()
    asking.later(approvals.CLOSING)
    assert asking.asked("another-token") == first
    assert len(asking.topic.sent) == 1
    assert len(asking.kept("tokens/")) == 2
    assert [key for key in asking.kept("approvals/") if "question" in key] == asking.kept("approvals/")


def test_a_token_is_in_no_mail_no_name_and_no_other_file(asking: Person) -> None:
    asking.asked()
    holding = [key for key, (body, _) in asking.bucket.objects.items() if TOKEN.encode() in body]
    assert holding == asking.kept("tokens/")
    assert TOKEN not in "".join([*asking.topic.bodies, *asking.topic.sent, *asking.bucket.objects])


def test_a_mail_that_cannot_be_sent_now_waits_in_the_outbox_and_the_question_stands(asking: Person) -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "Throttled", "Message": "no"}}, "Publish")

    asking.topic.before = refuse
    asking.asked()
    assert (asking.topic.sent, len(asking.kept("outbox/"))) == ([], 1)
    assert len(asking.kept("approvals/")) == 1


def test_a_redriven_run_asks_anew(asking: Person) -> None:
    asking.asked()
    asking.asked("token-of-the-redrive", redrives=1)
    assert len(asking.topic.sent) == 2


def test_a_run_that_has_ended_asks_nobody(asking: Person) -> None:
    asking.end()
    assert asking.asked() == ""
    assert (asking.topic.sent, asking.kept("")) == ([], [])


def test_a_model_that_was_compared_with_another_champion_is_not_asked_about() -> None:
    with person(champion=True) as asking:
        asking.replace_champion()
        with pytest.raises(ChampionChanged):
            asking.asked(stage="service")
        assert (asking.topic.sent, asking.kept("tokens/")) == ([], [])


def test_settings_that_were_spoilt_meanwhile_do_not_fail_a_run_that_has_trained(asking: Person) -> None:
    asking.set("budget: {limit: 1}\n")
    asking.asked()
    assert len(asking.topic.sent) == 1
    with pytest.raises(SettingsInvalid):
        asking.answer("approve")
    assert asking.decided() == []


def test_what_waits_is_what_nobody_has_answered_of_a_run_that_goes_on(asking: Person) -> None:
    def waiting() -> list[str]:
        by = asking.by
        return [each.run.run_id for each in approvals.waiting(by.s3, by.stepfunctions, by.bucket)]

    assert waiting() == []
    asking.asked()
    assert waiting() == [asking.run.run_id]
    asking.later()
    assert waiting() == []
    asking.later(-APPROVAL_BOUND)
    asking.answer("approve")
    assert waiting() == []


def test_prices_of_the_list_hold_for_a_question_too_and_have_not_changed_because_settings_lack_them(
    asking: Person,
) -> None:
    listed = Listed(day=date(2026, 11, 21), prices=PriceOverrides(provisioned_per_hour=30))
    asking.set("prices: {provisioned_per_hour: 20}\n")
    asking.run = asking.run.model_copy(update={"listed": listed})
    before = approvals.terms_now(asking.by, asking.run)
    assert before.usd_per_hour == 30
    assert not before.changes(approvals.terms_now(asking.by, asking.run))
    asking.set("prices: {provisioned_per_hour: 40}\n")
    assert "the price of an hour was 30 and is now 40" in before.changes(approvals.terms_now(asking.by, asking.run))
