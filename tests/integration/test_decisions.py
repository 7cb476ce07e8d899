"""One answer holds, whatever is clicked twice, late, after an abort or by two people at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune.aws import approvals, decisions
from finetune.errors import ServiceBusy
from tests.integration.asking_people import ADA, GRACE, Person, person


@pytest.fixture
def asking() -> Iterator[Person]:
    with person() as found:
        found.asked()
        yield found


def test_a_yes_lets_the_run_go_on_and_says_who(asking: Person) -> None:
    told = asking.answer("approve", reason="agreed\nin the meeting")
    assert (told.status, told.decision, told.taken) == ("decided", "approve", True)
    [(kind, sent)] = asking.states.sent
    assert (kind, sent["by"], sent["reason"]) == ("success", ADA, "agreed in the meeting")
    assert asking.kept("tokens/") == []


def test_a_no_ends_the_run_by_name_with_who_and_why(asking: Person) -> None:
    told = asking.answer("reject", reason="too dear")
    assert told.decision == "reject"
    [(kind, sent)] = asking.states.sent
    assert kind == "ApprovalRejected"
    assert sent["cause"] == f"Rejected by {ADA} at 2026-11-21 12:00 UTC; the reason given: too dear."


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_whoever_answers_second_is_told_what_was_decided_and_changes_nothing(asking: Person, decision: str) -> None:
    asking.answer("approve", ADA)
    told = asking.answer(decision, GRACE)
    assert (told.decision, told.taken, told.by) == ("approve", False, ADA)
    assert told.sentence.endswith(f"was already approved by {ADA} at 2026-11-21 12:00 UTC.")
    assert len(asking.states.sent) == len(asking.decided()) == 1


def test_of_two_at_once_the_one_who_writes_first_decides(asking: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh = decisions._weighed

    def slowly(*given: object) -> object:
        monkeypatch.setattr(decisions, "_weighed", weigh)
        asking.answer("reject", GRACE)
        return weigh(*given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(decisions, "_weighed", slowly)
    told = asking.answer("approve", ADA)
    assert (told.decision, told.taken, told.by) == ("reject", False, GRACE)
    assert [kind for kind, _ in asking.states.sent] == ["ApprovalRejected"]
    assert len(asking.topic.sent) == 1


def test_an_answer_after_the_time_is_over_is_not_taken(asking: Person) -> None:
    asking.later()
    assert asking.answer("approve").status == "expired"
    assert (asking.decided(), asking.states.sent) == ([], [])


def test_an_answer_to_a_run_that_was_stopped_is_not_taken(asking: Person) -> None:
    asking.end()
    assert asking.answer("approve").status == "ended"
    assert asking.decided() == []


def test_after_the_end_of_its_run_an_answer_is_still_told(asking: Person) -> None:
    asking.answer("approve", ADA)
    asking.end("SUCCEEDED")
    told = asking.answer("reject", GRACE)
    assert (told.status, told.decision, told.by) == ("decided", "approve", ADA)


def test_a_run_that_asked_nothing_is_named(asking: Person) -> None:
    assert asking.answer("approve", run="nobody").sentence == "No run nobody has asked for an approval."
    assert asking.answer("approve", run="../../tokens").status == "nothing_asked"


def test_a_run_is_known_by_its_id_alone(asking: Person) -> None:
    assert asking.answer("approve", run=asking.run.run_id).decision == "approve"
    assert asking.answer("approve", run=asking.run.run_id[1:]).status == "nothing_asked"


def test_whoever_finds_an_answer_that_was_not_sent_sends_that_one(asking: Person) -> None:
    asking.states.open.clear()  # the answer is written down, and the token that was known then is dead
    asking.answer("approve", ADA)
    asking.asked("token-of-the-retry")
    told = asking.answer("reject", GRACE)
    assert (told.decision, told.taken) == ("approve", False)
    assert [kind for kind, _ in asking.states.sent] == ["success"]


def test_the_schedule_sends_what_was_not_sent_and_asks_nobody(asking: Person) -> None:
    asking.states.open.clear()
    asking.answer("reject", ADA)
    asking.asked("token-of-the-retry")
    assert asking.states.sent == []
    asking.sweep()
    asking.sweep()
    assert [kind for kind, _ in asking.states.sent] == ["ApprovalRejected"]
    assert len(asking.topic.sent) == 1


def test_an_answer_whose_arrival_is_unknown_is_sent_again_and_counts_once(asking: Person) -> None:
    asking.states.lost = 1
    with pytest.raises(ServiceBusy):
        asking.answer("approve")
    told = asking.answer("approve")
    assert (told.decision, told.taken) == ("approve", False)
    assert len(asking.states.sent) == 1


def test_the_schedule_forgets_the_tokens_of_runs_that_have_ended_and_no_other(asking: Person) -> None:
    asking.sweep()
    assert len(asking.kept("tokens/")) == 1
    asking.end()
    asking.sweep()
    assert asking.kept("tokens/") == []


def test_a_token_whose_question_could_not_be_written_down_is_forgotten_too(asking: Person) -> None:
    for key in asking.kept("approvals/"):
        del asking.bucket.objects[key]
    asking.sweep()
    assert len(asking.kept("tokens/")) == 1
    asking.end()
    asking.sweep()
    assert asking.kept("tokens/") == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("budget: {limit_usd: 5}\n", "budget.limit_usd was 50 and is now 5"),
        ("prices: {provisioned_per_hour: 99}\n", "prices.provisioned_per_hour was none and is now 99"),
    ],
)
def test_a_yes_to_what_is_not_so_any_more_is_not_taken_and_it_is_asked_again(
    asking: Person, settings: str, words: str
) -> None:
    asking.set(settings)
    told = asking.answer("approve")
    assert (told.status, told.decision) == ("asked_again", None)
    assert words in told.sentence
    assert asking.states.sent == []
    assert asking.topic.sent[1:] == ["Approval needed again before training: shop"]
    assert f"It is asked again, because something has changed since: {words}" in asking.topic.bodies[1]
    assert "approve " + asking.run.endpoint_name + " --question 1 --stack stack\n" in asking.topic.bodies[1]
    assert asking.answer("approve", question=1).decision == "approve"
    assert [each["outcome"] for each in asking.decided()] == ["changed", "approve"]


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_the_same_command_again_is_no_answer_to_what_was_never_shown(asking: Person, decision: str) -> None:
    asking.set("prices: {provisioned_per_hour: 108}\n")
    asking.answer("approve")
    told = asking.answer(decision)
    assert (told.status, told.decision) == ("asked_again", None)
    assert "asks question 1 with a new mail: prices.provisioned_per_hour was none and is now 108" in told.sentence
    assert asking.answer(decision, question=2).status == "asked_again"
    assert (asking.states.sent, [each["outcome"] for each in asking.decided()]) == ([], ["changed"])


def test_a_no_is_taken_whatever_has_changed(asking: Person) -> None:
    asking.set("budget: {limit_usd: 5}\n")
    assert asking.answer("reject").decision == "reject"


def test_a_question_that_was_to_be_asked_again_is_asked_by_the_schedule(
    asking: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.set("budget: {limit_usd: 5}\n")
    with monkeypatch.context() as patched:
        patched.setattr(approvals, "ask_again", _busy)
        with pytest.raises(ServiceBusy):
            asking.answer("approve")
    asking.sweep()
    asking.sweep()
    assert len(asking.topic.sent) == 2


def _busy(*_: object) -> None:
    raise ServiceBusy("later")


def test_before_service_a_new_champion_is_compared_with_before_anybody_is_asked_again() -> None:
    with person(champion=True) as asking:
        asking.asked(stage="service")
        asking.replace_champion()
        told = asking.answer("approve")
        assert told.status == "void"
        assert told.sentence.endswith("It is compared with that one now, and asks again if it is better.")
        assert [kind for kind, _ in asking.states.sent] == ["ChampionChanged"]
        assert len(asking.topic.sent) == 1


def test_before_training_a_new_champion_is_asked_about_again() -> None:
    with person(champion=True) as asking:
        asking.asked()
        asking.replace_champion()
        told = asking.answer("approve")
        assert told.status == "asked_again"
        assert "the model in service was arn:" in told.sentence


def test_service_is_asked_after_training_and_answered_by_itself(asking: Person) -> None:
    asking.answer("approve")
    asking.asked("token-before-service", stage="service")
    told = asking.answer("reject", GRACE)
    assert (told.decision, told.taken) == ("reject", True)
    assert [kind for kind, _ in asking.states.sent] == ["success", "ApprovalRejected"]


def test_after_a_rematch_service_is_asked_anew_and_the_old_yes_is_not_sent() -> None:
    with person(champion=True) as asking:
        asking.asked(stage="service")
        asking.answer("approve")
        asking.replace_champion()
        asking.rematch()
        asking.asked("token-after-the-rematch", stage="service")
        asking.sweep()
        assert [kind for kind, _ in asking.states.sent] == ["success"]
        assert len(asking.topic.sent) == 2
        assert asking.answer("reject").taken
        assert [kind for kind, _ in asking.states.sent] == ["success", "ApprovalRejected"]
