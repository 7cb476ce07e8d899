"""The clock of the local cloud: service time runs faster than real time, but slows down during long work.

A wait, a job, a retry or a schedule may pass at any speed. Work takes real time, and more of it on a slow machine,
while leases and time limits are hours of service time. So each piece of work has an allowance: about the time that a
fast machine needs for it. The clock runs at full speed during the allowance and is slow after it.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Lock

from pydantic import BaseModel

# Service seconds of a piece of work that pass at full speed, and how many pass at most in each real second after that.
ALLOWANCE_SECONDS = 600.0
WORK_SCALE = 60.0
# Limits on a function's own time are there to end one that hangs, and this machine may be much slower than Lambda.
PATIENCE = 10.0
SHORTEST_WAIT_SECONDS = 0.002
_MARKS_KEPT = 10_000


class Timeline(BaseModel):
    """How service time has run: service times at which its speed changed, the last one now, with real seconds."""

    scale: float
    marks: list[tuple[datetime, float]]

    @property
    def now(self) -> datetime:
        """The service time at which it was asked for."""
        return self.marks[-1][0]

    def real(self, moment: datetime) -> float:
        """Real seconds from the start of the clock to a service time."""
        index = bisect_right(self.marks, moment, key=lambda mark: mark[0])
        (start, begin), (stop, end) = self.marks[max(0, min(index, len(self.marks) - 1) - 1) :][:2]
        share = (moment - start) / (stop - start) if stop > start else 0.0
        return begin + share * (end - begin)


class Clock:
    """Service time in UTC: it starts at the real time of its creation and runs `scale` times as fast.

    With a scale of 300, 300 service seconds pass in one real second; 1.0 is real time. While a piece of work takes
    longer than its allowance, the clock runs at WORK_SCALE at most.
    """

    def __init__(self, scale: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not scale > 0:
            raise ValueError(f"A clock's scale must be greater than 0, got {scale}.")
        self.scale = scale
        self._monotonic = monotonic
        self._lock = Lock()
        self._started_at, self._origin = datetime.now(UTC), monotonic()
        self._real = self._service = 0.0  # seconds since the start, as of the last look
        self._slow = False
        self._marks = [(self._started_at, 0.0)]
        self._numbers = count()
        self._work: dict[int, float] = {}  # oldest first; when the allowance of each is used up, in real seconds

    def now(self) -> datetime:
        """The present service time."""
        with self._lock:
            return self._look()

    def timeline(self) -> Timeline:
        """How service time has run until now."""
        with self._lock:
            now = self._look()
            return Timeline(scale=self.scale, marks=[*self._marks, (now, self._real)])

    def begin_work(self) -> int:
        """Note that a piece of work begins; its number for `end_work`."""
        with self._lock:
            self._look()
            number = next(self._numbers)
            self._work[number] = self._real + ALLOWANCE_SECONDS / self.scale
            return number

    def end_work(self, number: int) -> None:
        """Note that a piece of work is over; ending it twice is fine."""
        with self._lock:
            self._look()
            self._work.pop(number, None)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A piece of work that lasts as long as the context."""
        number = self.begin_work()
        try:
            yield
        finally:
            self.end_work(number)

    def limit(self, seconds: float) -> float:
        """After how many real seconds work that may take `seconds` counts as hanging."""
        return seconds * PATIENCE

    def real_seconds(self, service_seconds: float) -> float:
        """How long `service_seconds` last at full speed; never negative."""
        return max(0.0, service_seconds) / self.scale

    def wait(self, answered: Callable[[float], object], service_seconds: float) -> bool:
        """Whether `answered`, which waits for the real seconds it is given, was true before service time ran out."""
        end = self.now() + timedelta(seconds=service_seconds)
        while (left := (end - self.now()).total_seconds()) > 0:
            if answered(max(SHORTEST_WAIT_SECONDS, self.real_seconds(left))):
                return True
        return False

    def sleep(self, service_seconds: float) -> None:
        """Block the calling thread for `service_seconds` of service time."""
        self.wait(time.sleep, service_seconds)

    def _look(self) -> datetime:
        """Bring the service time up to the present; the lock is held."""
        now = self._monotonic() - self._origin
        slow_from = next(iter(self._work.values()), math.inf)
        for until, slow in ((min(now, slow_from), False), (now, True)):
            if until > self._real:
                if slow != self._slow:
                    self._slow = slow
                    self._marks = [*self._marks[-_MARKS_KEPT:], (self._present(), self._real)]
                speed = min(self.scale, WORK_SCALE) if slow else self.scale
                self._service += (until - self._real) * speed
                self._real = until
        return self._present()

    def _present(self) -> datetime:
        return self._started_at + timedelta(seconds=self._service)
