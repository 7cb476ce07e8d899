"""How large a test is: small in `make test`, full with `--full-size`."""

from __future__ import annotations

FULL_SIZE = False


def sized[Size](small: Size, full: Size) -> Size:
    """The size that a test has in this run; known once pytest has read its options, so before tests are imported."""
    return full if FULL_SIZE else small
