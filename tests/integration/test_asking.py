"""Asking many questions at once: none lost, none answered twice, nothing waited for beyond the time there is."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from finetune.aws.asking import BUSY, FAULTS, MOST_FAULTS, ask_all
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.pacing import Pace
from finetune.errors import AccessRefused
from tests.waiting import LAST_RESORT_SECONDS


@dataclass(frozen=True)
class Question:
    id: str


QUESTIONS = [Question(f"q{number}") for number in range(50)]


@dataclass
class Asked:
    """A model that fails as `fails` says: the error of the n-th request for a question, None for an answer."""

    fails: Callable[[str, int], str | None] = lambda _id, _nth: None
    count: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, question: Question) -> Answer:
        with self.lock:
            self.count[question.id] += 1
            error = self.fails(question.id, self.count[question.id])
        return Answer(id=question.id, error=error) if error else Answer(id=question.id, stop_reason="end_turn")


def replies(asked: Callable[[Question], Answer], seconds: float = 30, **more: int) -> list[Answer]:
    """On a clock that jumps over every rest."""
    clock = [0.0]

    def rest(length: float) -> None:
        clock[0] += length

    def now() -> float:
        clock[0] += 0.001
        return clock[0]

    pace = Pace(600)
    return list(
        ask_all(
            asked,
            QUESTIONS,
            pace=pace,
            workers=more.get("workers", 4),
            remaining=lambda: seconds - now(),
            now=now,
            rest=rest,
        )
    )


def test_every_question_gets_one_reply() -> None:
    asked = Asked()
    assert sorted(reply.id for reply in replies(asked)) == sorted(question.id for question in QUESTIONS)
    assert set(asked.count.values()) == {1}


@pytest.mark.parametrize("error", sorted(BUSY))
def test_a_busy_model_is_asked_again_and_loses_nothing(error: str) -> None:
    asked = Asked(lambda _, nth: error if nth < 12 else None)
    found = replies(asked, seconds=100_000)
    assert [reply.error for reply in found] == [None] * 50
    assert set(asked.count.values()) == {12}


@pytest.mark.parametrize("error", sorted(FAULTS))
def test_a_question_that_always_breaks_the_model_ends_with_its_error_and_stops_no_other(error: str) -> None:
    asked = Asked(lambda key, _: error if key == "q7" else None)
    found = {reply.id: reply.error for reply in replies(asked, seconds=100_000)}
    assert {key for key, code in found.items() if code} == {"q7"}
    assert (found["q7"], asked.count["q7"], len(found)) == (error, MOST_FAULTS, 50)


def test_a_refused_question_is_not_asked_again() -> None:
    asked = Asked(lambda key, _: "ValidationException" if key == "q3" else None)
    assert [reply.id for reply in replies(asked) if reply.error] == ["q3"]
    assert asked.count["q3"] == 1


def test_when_time_runs_out_what_was_answered_is_there_and_the_rest_was_not_asked() -> None:
    asked = Asked(lambda key, _: None if key < "q3" else "ThrottlingException")
    found = replies(asked, seconds=20)
    assert all(reply.id < "q3" and reply.error is None for reply in found)
    assert len(found) == len([question for question in QUESTIONS if question.id < "q3"])


def test_a_missing_permission_ends_the_asking_at_once() -> None:
    def refused(_: Question) -> Answer:
        raise AccessRefused("no")

    with pytest.raises(AccessRefused):
        replies(refused)


def test_no_more_questions_are_under_way_than_there_are_workers() -> None:
    running, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(3)

    def slow(question: Question) -> Answer:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if question.id in {"q0", "q1", "q2"}:
            gate.wait(LAST_RESORT_SECONDS)
        with lock:
            running[0] -= 1
        return Answer(id=question.id, stop_reason="end_turn")

    assert len(replies(slow, seconds=100_000, workers=3)) == 50
    assert most[0] == 3
