"""Waiting for what is to come, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

# Looking takes a process's time, too: what takes long is looked for less often.
POLL_SECONDS, LONGEST_POLL_SECONDS, POLL_GROWTH = 0.02, 0.25, 1.15
# Ends what hangs, and nothing else: most of what is waited for comes within a second, and the longest within twenty.
LAST_RESORT_SECONDS = 1800


def eventually[Value](look: Callable[[], Value | None], what: str = "It") -> Value:
    """The first value of `look` that is true, asked again and again."""
    end, pause = time.monotonic() + LAST_RESORT_SECONDS, POLL_SECONDS
    while not (value := look()):
        assert time.monotonic() < end, f"{what} did not come within {LAST_RESORT_SECONDS} s."
        time.sleep(pause)
        pause = min(LONGEST_POLL_SECONDS, pause * POLL_GROWTH)
    return value
