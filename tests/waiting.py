"""Waiting for what is to come, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.02
# Ends what hangs, and nothing else: most of what is waited for comes within a second, and the longest within twenty.
LAST_RESORT_SECONDS = 1800


def eventually[Value](look: Callable[[], Value | None], what: str = "It") -> Value:
    """The first value of `look` that is true, asked again and again."""
    end = time.monotonic() + LAST_RESORT_SECONDS
    while not (value := look()):
        assert time.monotonic() < end, f"{what} did not come within {LAST_RESORT_SECONDS} s."
        time.sleep(POLL_SECONDS)
    return value
