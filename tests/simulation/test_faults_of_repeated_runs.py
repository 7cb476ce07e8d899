"""Faults in runs that are given the same content twice or go on with a trained model: no promise breaks."""

from __future__ import annotations

from tests.simulation.slices import broken
from tests.sizes import sized

SCENARIOS = (
    "same_at_once",
    "same_again",
    "judged_again",
    "judged_anew",
    "resumed",
    "resumed_stopped",
    "better_at_once",
    "evaluated",
    "evaluated_later",
    "one_month",
)
AT_ONCE = ("same_at_once", "one_month", "better_at_once", "retrained", "resumed_stopped")


def test_no_fault_breaks_a_promise() -> None:
    assert broken(SCENARIOS, sized(250, full=1000)) == ""


def test_no_interleaving_breaks_a_promise() -> None:
    assert broken(AT_ONCE, 0, "--interleavings", str(sized(8, 40))) == ""
