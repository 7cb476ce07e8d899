"""Faults in runs of projects that have no model in service yet: no promise breaks."""

from __future__ import annotations

from tests.simulation.slices import broken
from tests.sizes import sized

SCENARIOS = (
    "first",
    "first_5h",
    "first_3d",
    "provisioned",
    "rejected",
    "budget",
    "refused",
    "no_dataset",
    "training_failed",
    "duplicate",
    "one_at_once",
    "full_day",
    "flood",
)


def test_no_fault_breaks_a_promise() -> None:
    assert broken(SCENARIOS, sized(1000, full=2500)) == ""
