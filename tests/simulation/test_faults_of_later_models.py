"""Faults in runs of projects that have a model in service or get two models at once: no promise breaks."""

from __future__ import annotations

from tests.simulation.slices import broken
from tests.sizes import sized

SCENARIOS = (
    "takeover",
    "kind_change",
    "kind_change_back",
    "provisioned_takeover",
    "not_better",
    "two_datasets",
    "two_projects",
)
AT_ONCE = ("at_once", "takeover_at_once", "two_projects", "duplicate")


def test_no_fault_breaks_a_promise() -> None:
    assert broken(SCENARIOS, sized(1000, full=2500)) == ""


def test_no_interleaving_breaks_a_promise() -> None:
    assert broken(AT_ONCE, 0, "--interleavings", str(sized(16, 40))) == ""
