"""Service time: as fast as asked while everything waits, slow while work takes longer than it should."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from local.clock import ALLOWANCE_SECONDS, PATIENCE, WORK_SCALE, Clock, Timeline

FAST = 600.0
ALLOWED = ALLOWANCE_SECONDS / FAST


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock(wall: Wall) -> Clock:
    return Clock(FAST, wall)


def passed(clock: Clock, wall: Wall, seconds: float) -> float:
    """Service seconds that pass in real ones."""
    before = clock.now()
    wall.seconds += seconds
    return (clock.now() - before).total_seconds()


def test_service_time_runs_as_many_times_as_fast(clock: Clock, wall: Wall) -> None:
    assert passed(clock, wall, 10) == pytest.approx(10 * FAST)
    assert clock.real_seconds(50) == pytest.approx(50 / FAST)
    assert clock.real_seconds(-1) == 0


def test_a_clock_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Clock(0)


def test_work_within_its_allowance_does_not_slow_the_clock(clock: Clock, wall: Wall) -> None:
    with clock.working():
        assert passed(clock, wall, ALLOWED) == pytest.approx(ALLOWANCE_SECONDS)
    assert passed(clock, wall, 1) == pytest.approx(FAST)


def test_work_that_takes_longer_costs_its_allowance_and_a_minute_a_second(clock: Clock, wall: Wall) -> None:
    with clock.working():
        assert passed(clock, wall, ALLOWED + 30) == pytest.approx(ALLOWANCE_SECONDS + 30 * WORK_SCALE)
    assert passed(clock, wall, 1) == pytest.approx(FAST)


def test_a_machine_a_hundred_times_slower_uses_up_no_lease_of_six_hours(clock: Clock, wall: Wall) -> None:
    lease = timedelta(hours=6).total_seconds()
    assert lease / 10 > 3 * FAST
    with clock.working():
        assert passed(clock, wall, 300) < lease < 300 * FAST


def test_the_oldest_work_decides(clock: Clock, wall: Wall) -> None:
    first = clock.begin_work()
    passed(clock, wall, ALLOWED)
    with clock.working():
        assert passed(clock, wall, ALLOWED) == pytest.approx(ALLOWED * WORK_SCALE)
        clock.end_work(first)
        clock.end_work(first)
        assert passed(clock, wall, 1) == pytest.approx(WORK_SCALE)
    assert passed(clock, wall, 1) == pytest.approx(FAST)


def test_a_clock_slower_than_work_is_not_sped_up_by_it(wall: Wall) -> None:
    clock = Clock(1.0, wall)
    with clock.working():
        assert passed(clock, wall, 1_000) == pytest.approx(1_000)


def test_a_wait_lasts_its_service_time_however_slow_the_clock_becomes(clock: Clock, wall: Wall) -> None:
    begun, waits = clock.now(), list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        wall.seconds += seconds

    with clock.working():
        assert not clock.wait(wait, 3600)
    assert clock.now() - begun >= timedelta(hours=1)
    assert len(waits) > 1


def test_a_wait_ends_when_it_is_answered(clock: Clock) -> None:
    event = threading.Event()
    event.set()
    assert clock.wait(event.wait, 3600)


def test_a_limit_on_work_is_real_time_and_allows_for_a_slow_machine(clock: Clock) -> None:
    assert clock.limit(60) == 60 * PATIENCE


def test_the_timeline_tells_the_real_time_of_every_moment(clock: Clock, wall: Wall) -> None:
    seen = list[tuple[datetime, float]]()
    for working, seconds in ((False, 5), (True, ALLOWED / 2), (True, 20), (False, 3), (True, 40), (False, 1)):
        number = clock.begin_work() if working else None
        for _ in range(4):
            passed(clock, wall, seconds / 4)
            seen.append((clock.now(), wall.seconds - 1_000))
        if number is not None:
            clock.end_work(number)
    timeline = Timeline.model_validate_json(clock.timeline().model_dump_json())
    assert [timeline.real(moment) for moment, _ in seen] == pytest.approx([real for _, real in seen], abs=1e-3)
    assert timeline.now == clock.now()


def test_the_timeline_of_a_clock_that_never_slowed_is_one_line(clock: Clock, wall: Wall) -> None:
    started = clock.now()
    passed(clock, wall, 7)
    assert clock.timeline().real(started + timedelta(seconds=FAST)) == pytest.approx(1)
