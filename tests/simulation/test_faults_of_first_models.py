"""Faults in runs of projects that have no model in service yet: no promise breaks."""

from __future__ import annotations

import pytest

from tests.simulation.slices import broken
from tests.sizes import sized


@pytest.mark.parametrize(
    ("scenario", "faults"),
    [
        ("first", 600),
        ("first_5h", 150),
        ("provisioned", 100),
        ("rejected", 50),
        ("budget", 50),
        ("refused", 50),
        ("no_dataset", 50),
        ("training_failed", 100),
        ("duplicate", 100),
    ],
)
def test_no_fault_breaks_a_promise(scenario: str, faults: int) -> None:
    assert broken((scenario,), sized(faults * 2 // 5, faults)) == ""
