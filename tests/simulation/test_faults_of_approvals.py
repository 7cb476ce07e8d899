"""Faults in runs that ask a person: no promise breaks, and what was decided is what happens."""

from __future__ import annotations

from tests.simulation.slices import broken
from tests.sizes import sized

SCENARIOS = (
    "approved",
    "approved_takeover",
    "approved_on_throughput",
    "approved_by_two",
    "two_disagree",
    "rejected_before_training",
    "rejected_before_service",
    "expired_before_training",
    "expired_before_service",
    "asked_again",
)


def test_no_fault_breaks_a_promise() -> None:
    assert broken(SCENARIOS, sized(250, full=1500)) == ""
