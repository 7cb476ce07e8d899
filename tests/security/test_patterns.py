"""No text makes a regular expression of the product take longer than in proportion to its length."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.security.patterns import Found, hostile, patterns

PATTERNS = patterns()
# A text is lengthened step by step, so that a pattern that takes for ever is found out by a short one.
LENGTHS = (12, 16, 20, 24, 256, 1024, 4 * 1024, 16 * 1024, 64 * 1024)
ENOUGH = 16 * 1024
# A text that ends as it goes on, one whose end nothing takes, and one that ends as no number does.
ENDS = ("", "!\x00", ".1.1")
# Four times the length takes four times as long, and 16 times where the work grows with the square. What takes less
# than a millisecond at 16 KiB does not: steps take about a nanosecond, and of the square there would be millions.
MOST_TIMES, NOTHING = 8, 0.001


def seconds(found: Found, text: Any) -> float:
    """Of the processor's time, for looking through a text."""
    began = time.process_time()
    if found.anywhere:
        for _ in found.pattern.finditer(text):
            pass
    else:
        found.pattern.match(text)
        found.pattern.fullmatch(text)
    return time.process_time() - began


def grows(found: Found, start: str, piece: str, end: str) -> str:
    """How much too long the pattern takes for a piece that is repeated; empty when it takes as long as the text is."""
    before, last = 0.0, LENGTHS[0]
    for length in LENGTHS:
        text: Any = start + (piece * (length // len(piece) + 1))[:length] + end
        text = text.encode() if isinstance(found.pattern.pattern, bytes) else text
        taken = seconds(found, text)
        if taken > NOTHING and taken > MOST_TIMES * before * length / last / 4:
            # Something else may have been measured: the shorter at its slowest, the longer at its fastest.
            taken = min(taken, *(seconds(found, text) for _ in range(3)))
            before = max(before, *(seconds(found, text[: len(text) * last // length]) for _ in range(3)))
            if taken > NOTHING and taken > MOST_TIMES * before * length / last / 4:
                return f"{piece!r} behind {start!r} at {length} characters: {taken:.4f} s, {before:.4f} s at {last}"
        if length >= ENOUGH and taken < NOTHING:
            break
        before, last = taken, length
    return ""


@pytest.mark.parametrize("found", PATTERNS, ids=str)
def test_a_pattern_takes_as_long_as_the_text(found: Found) -> None:
    tried = (grows(found, *text, end) for text in hostile(found.pattern) for end in ENDS)

    assert [told for told in tried if told] == []


@pytest.mark.parametrize(
    ("written", "anywhere"),
    [
        (r"\b[Pp]assword\s?[:=]\s?(?=\S*\d)(?=\S*[A-Za-z])\S{8,}", True),
        (r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", True),
        (r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+", True),
        (r"```[a-z]*\s*(.*?)```", True),
        (r"(?<![\w.])0*(\d+)(?:\.(\d+))?(?![\d]|\.\d)", True),
        (r"(a+)+$", False),
        (r"x*y", True),
    ],
)
def test_a_pattern_that_takes_longer_is_found(written: str, anywhere: bool) -> None:
    found = Found("here", re.compile(written, re.DOTALL), anywhere)

    assert any(grows(found, *text, end) for text in hostile(found.pattern) for end in ENDS)


def test_every_pattern_of_the_source_is_tried() -> None:
    places = {found.place.partition(":")[0] for found in PATTERNS}

    assert {"finetune.domain.validation.sensitive", "finetune.settings_file", "finetune.foreign"} <= places
    assert len(PATTERNS) > 40
