"""No run costs more than its limit, whatever is slow or fails; one in which nothing fails costs what was estimated."""

from __future__ import annotations

import pytest

from tests.simulation.spending import Row, rows, spent
from tests.sizes import sized


@pytest.mark.parametrize("row", rows(every=sized(False, True)), ids=str)
def test_a_run_costs_at_most_its_limit_and_about_what_was_estimated_where_nothing_failed(row: Row) -> None:
    found = spent(row)
    assert found.bill.total <= found.limit
    assert found.most <= found.limit or "Over budget" in found.subject
    if not row.fault and row.speed == 1:
        assert found.subject.startswith("Model promoted")
        expected = found.likely - found.expected_hours_usd
        assert found.bill.total == pytest.approx(expected, rel=0.1)
        by_token = found.bill.training + found.bill.tokens
        assert by_token == pytest.approx(expected - found.bill.storage, rel=0.1)
