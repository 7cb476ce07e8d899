"""How fast to ask a model whose quota is shared with others, learned from the answers it gives and those it refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# The pace rises with every answer to a request that it held back, the faster the longer nothing was throttled, and
# falls a little at each throttling. At its quota a model then throttles a third of the requests, which costs nothing,
# and is hardly ever idle.
_RISE = 0.01
_MOST_RISE = 1.1
# A throttled model is asked again after this share of the pause, since the request that it refused took nothing.
_SOON = 0.25
_FALL = 0.95
# The longest pause between two requests where no quota is known; a known one may call for longer pauses.
_LONGEST_PAUSE_SECONDS = 2.0
_MOST_WORKERS = 8
_LONG_ANSWER_SECONDS = 4.0
# How many shards of an evaluation share a model's quota: the concurrency of the state Evaluate Shards.
SHARDS_AT_ONCE = 4


def slowest_per_second(requests_per_minute: int | None, sharers: int) -> float:
    """The requests a second below which none of the sharers falls, whatever is throttled."""
    usual = 1 / _LONGEST_PAUSE_SECONDS
    return min(usual, requests_per_minute / 60 / sharers / 2) if requests_per_minute else usual


def workers(requests_per_minute: int | None, sharers: int) -> int:
    """How many requests to have under way at once: room for answers of four seconds at the quota, at most eight."""
    if requests_per_minute is None:
        return _MOST_WORKERS
    return max(1, min(_MOST_WORKERS, math.ceil(requests_per_minute / 60 * _LONG_ANSWER_SECONDS / sharers)))


@dataclass
class Pace:
    """When the next request may be sent; times are seconds of one monotonic clock.

    Nothing is paced until the model throttles. The pace then starts from the rate of its answers so far. A documented
    quota only bounds how slow the pace becomes: half of the share that each of the `sharers` has.
    """

    requests_per_minute: int | None = None
    sharers: int = 1
    _per_second: float = field(default=math.inf, init=False)
    _next_at: float = field(default=-math.inf, init=False)
    _started_at: float | None = field(default=None, init=False)
    _fell_at: float = field(default=-math.inf, init=False)
    _holds_back: bool = field(default=False, init=False)
    _answered: int = field(default=0, init=False)
    _in_a_row: int = field(default=0, init=False)

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent."""
        return max(0.0, self._next_at - now)

    def sent(self, now: float) -> None:
        """A request leaves now."""
        interval = 1 / self._per_second
        self._started_at = now if self._started_at is None else self._started_at
        self._holds_back = now - self._next_at < interval
        self._next_at = max(self._next_at, now) + interval

    def answered(self) -> None:
        """A request was answered."""
        self._answered += 1
        if self._holds_back:
            self._in_a_row += 1
            self._per_second *= min(1 + _RISE * self._in_a_row, _MOST_RISE)

    def throttled(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` was refused for now; several of one burst count once."""
        self._in_a_row = 0
        if sent_at < self._fell_at:
            return
        self._fell_at = now
        elapsed = max(now - (self._started_at or 0.0), 1e-3)
        known = min(self._per_second, max(self._answered, 1) / elapsed if math.isinf(self._per_second) else math.inf)
        self._per_second = max(_FALL * known, slowest_per_second(self.requests_per_minute, self.sharers))
        self._next_at = now + _SOON / self._per_second
