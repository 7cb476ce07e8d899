"""The states of a run as lines."""

from __future__ import annotations

import pytest

from finetune_cli import states
from finetune_cli.history import rows
from tests.local.histories import recorded


def test_a_state_is_told_with_its_time_its_visits_and_what_became_of_it() -> None:
    found = rows(recorded("promoted"))
    now = recorded("promoted")[-1]["timestamp"]
    lines = [states.line(row, now) for row in found]
    assert any(line.startswith("Dataset Accepted? -> ") for line in lines)
    assert any(
        line.startswith("    Check Customization Job, ") or "Check Customization Job, " in line for line in lines
    )
    assert not any("going on" in line for line in lines)


def test_a_failed_state_names_its_error() -> None:
    events = recorded("failed")
    failed = [row for row in rows(events) if row.error]
    assert failed
    for row in failed:
        assert (row.error or "no error") in states.line(row, events[-1]["timestamp"])


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (61, "1 min 1 s"), (7200, "2 h"), (90000, "1 d 1 h")])
def test_a_time_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert states.duration(seconds) == words
