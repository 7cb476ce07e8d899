"""The pace of requests, on a clock of its own against a model with a quota."""

from __future__ import annotations

import math

import pytest

from finetune.domain.evaluation.pacing import Pace, workers


class Model:
    """A model that answers at once, up to a number of requests in any minute or second."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self.taken: list[float] = []

    def takes(self, now: float) -> bool:
        self.taken = [moment for moment in self.taken if now - moment < self.seconds]
        if len(self.taken) >= self.requests:
            return False
        self.taken.append(now)
        return True


def ask(pace: Pace, model: Model, count: int, now: float = 0.0) -> tuple[float, int]:
    """The time when `count` requests were answered, and how many were refused on the way."""
    answered = refused = 0
    while answered < count:
        now += pace.wait(now) + 0.001
        pace.sent(now)
        if model.takes(now):
            answered += 1
            pace.answered()
        else:
            refused += 1
            pace.throttled(now, now)
    return now, refused


def test_nothing_is_paced_before_a_model_throttles() -> None:
    seconds, refused = ask(Pace(), Model(1_000, 60), 1_000)
    assert (round(seconds, 3), refused) == (1.0, 0)


@pytest.mark.parametrize("per_second", [1, 10, 100])
def test_a_quota_nobody_told_is_found_and_kept_busy(per_second: int) -> None:
    seconds, refused = ask(Pace(), Model(per_second, 1), 100 * per_second)
    assert seconds < 115
    assert refused < 200 * per_second


def test_a_quota_of_a_few_requests_a_minute_is_not_hammered() -> None:
    seconds, refused = ask(Pace(4, sharers=1), Model(4, 60), 40)
    assert seconds < 630
    assert refused < 250


def test_after_an_outage_the_pace_is_found_again() -> None:
    pace, model = Pace(), Model(10, 1)
    before, _ = ask(pace, model, 500)
    model.requests = 0
    now = before
    while now < before + 120:
        now += pace.wait(now) + 0.001
        pace.sent(now)
        assert not model.takes(now)
        pace.throttled(now, now)
    model.requests = 10
    after, _ = ask(pace, model, 500, now)
    assert after - now < 150


def test_the_refusals_of_one_burst_count_once() -> None:
    pace = Pace()
    for _ in range(8):
        pace.sent(10.0)
    pace.throttled(10.0, 10.1)
    once = pace.wait(10.1)
    for _ in range(7):
        pace.throttled(10.0, 10.1)
    assert pace.wait(10.1) == once > 0


def test_the_longest_pause_follows_from_a_documented_quota_or_is_two_seconds() -> None:
    for quota, longest in ((None, 2.0), (4, 120.0), (6_000, 2.0)):
        pace, now = Pace(quota, sharers=4), 0.0
        for _ in range(1_000):
            now += pace.wait(now)
            pace.sent(now)
            pace.throttled(now, now)
        now += pace.wait(now)
        pace.sent(now)
        assert math.isclose(pace.wait(now), longest, rel_tol=0.02), quota


@pytest.mark.parametrize(("quota", "at_once"), [(None, 8), (4, 1), (60, 1), (240, 4), (6_000, 8)])
def test_a_small_quota_needs_few_workers(quota: int | None, at_once: int) -> None:
    assert workers(quota, sharers=4) == at_once
