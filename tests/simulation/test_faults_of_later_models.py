"""Faults in runs of projects that have a model in service or get two models at once: no promise breaks."""

from __future__ import annotations

import pytest

from tests.simulation.slices import broken
from tests.sizes import sized


@pytest.mark.parametrize(
    ("scenario", "faults"),
    [
        ("takeover", 500),
        ("kind_change", 350),
        ("kind_change_back", 100),
        ("provisioned_takeover", 100),
        ("not_better", 80),
        ("two_datasets", 100),
        ("two_projects", 80),
    ],
)
def test_no_fault_breaks_a_promise(scenario: str, faults: int) -> None:
    assert broken((scenario,), sized(faults * 2 // 5, faults)) == ""


def test_no_interleaving_breaks_a_promise() -> None:
    assert (
        broken(("at_once", "takeover_at_once", "two_projects", "duplicate"), 0, "--interleavings", str(sized(16, 40)))
        == ""
    )
