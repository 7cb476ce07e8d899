"""Broken lines by the thousand: none raises, and what is staged of them a job takes."""

from __future__ import annotations

import random

from benchmarks.fuzz_datasets import Fuzz, hostile, mutated
from tests.sizes import sized


def test_no_broken_line_raises_or_is_staged_so_that_it_is_not_taken() -> None:
    fuzz, rng = Fuzz(), random.Random(1)  # noqa: S311 - a fuzzer must be repeatable
    for line in hostile():
        fuzz.line(line)
    for _ in range(sized(1_000, full=200_000)):
        fuzz.line(mutated(rng))
    assert fuzz.exceptions == {}
