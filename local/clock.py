"""The one place of time: a clock on which service time runs faster than real time."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Service time in UTC: starts at the real time of its creation, then runs `scale` times as fast.

    With scale 300, 300 service seconds pass in one real second. 1.0 is real time.
    """

    def __init__(self, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ValueError(f"A clock's scale must be greater than 0, got {scale}.")
        self.scale = scale
        self._started_at = datetime.now(UTC)
        self._origin = time.monotonic()

    def now(self) -> datetime:
        """The present service time."""
        return self._started_at + timedelta(seconds=(time.monotonic() - self._origin) * self.scale)

    def real_seconds(self, service_seconds: float) -> float:
        """How long `service_seconds` last on a wall clock; never negative."""
        return max(0.0, service_seconds) / self.scale

    def sleep(self, service_seconds: float) -> None:
        """Block the calling thread for `service_seconds` of service time."""
        time.sleep(self.real_seconds(service_seconds))
