"""One virtual clock: events in their order, and greenlets that sleep on it instead of waiting."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from greenlet import greenlet

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Greenlets that died. Python would run their `finally` clauses if it collected them, which a killed process does not.
_DEAD: list[greenlet] = []


class Task(greenlet):  # type: ignore[misc]  # greenlet ships no types
    """Work that may sleep; `about` is whatever the work belongs to."""

    def __init__(self, clock: Clock, work: Callable[[], Any], about: Any = None) -> None:
        super().__init__(work, clock.hub)
        self.abandoned = False
        self.about = about

    def go_on(self) -> None:
        """Run until the next sleep; a dead one does nothing more."""
        if not self.abandoned:
            self.switch()

    def kill(self) -> None:
        """Never go on, and run no `finally`: what a dead process does."""
        if not (self.dead or self.abandoned):
            self.abandoned = True
            _DEAD.append(self)


class Clock:
    """Virtual seconds since the start of the world; all that happens happens in `run`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.hub = greenlet.getcurrent()
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._until = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something later; it must not sleep."""
        heapq.heappush(self._events, (self.seconds + max(0.0, seconds), next(self._numbers), act))

    def spawn(self, work: Callable[[], Any], about: Any = None, delay: float = 0.0) -> Task:
        """Begin work that may sleep."""
        task = Task(self, work, about)
        self.after(delay, task.go_on)
        return task

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for the task that calls this."""
        end = self.seconds + max(0.0, seconds)
        if end <= self._until and not (self._events and self._events[0][0] <= end):
            self.seconds = end
            return
        self.after(seconds, current().go_on)
        self.hub.switch()

    def die(self) -> None:
        """Kill the task that calls this; never returns."""
        current().kill()
        self.hub.switch()

    def run(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let so many seconds pass, or fewer once `done`; called outside of every task."""
        self._until = self.seconds + seconds
        while self._events and self._events[0][0] <= self._until and not done():
            self.seconds, _, act = heapq.heappop(self._events)
            act()
        if not done():
            self.seconds = self._until


class Promise:
    """Something that is settled once, and that tasks wait for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[Task] = []
        self.settled = False
        self.value: Any = None

    def settle(self, value: Any = None) -> None:
        """Wake everyone who waits; a second time changes nothing."""
        if self.settled:
            return
        self.settled, self.value = True, value
        for task in self._waiting:
            self._clock.after(0, task.go_on)

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it is settled before so many seconds have passed."""
        if self.settled:
            return True
        task, clock = current(), self._clock
        self._waiting.append(task)
        if seconds is not None:
            clock.after(seconds, lambda: self._give_up(task))
        clock.hub.switch()
        return self.settled

    def _give_up(self, task: Task) -> None:
        if not self.settled and task in self._waiting:
            self._waiting.remove(task)
            task.go_on()


def current() -> Task:
    """The task that runs now."""
    found = greenlet.getcurrent()
    if not isinstance(found, Task):
        raise TypeError("Only a task may sleep.")
    return found
