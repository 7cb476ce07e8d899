"""The meter that answers run through."""

from __future__ import annotations

import pytest

from finetune.domain.billing.meter import Meter
from finetune.errors import BudgetReached


def test_a_request_is_made_only_if_the_most_that_it_may_cost_is_left() -> None:
    meter = Meter(1.0)
    meter.add(0.2)
    with meter.asking(0.5) as receipt:
        with pytest.raises(BudgetReached, match=r"have cost \$0.70, .* exceed the \$1.00"), meter.asking(0.5):
            raise AssertionError("it was asked")
        receipt.paid(0.1)
    with meter.asking(0.7) as receipt:
        receipt.paid(0.7)
    assert meter.lost_usd == pytest.approx(0)


def test_a_request_without_an_answer_has_cost_the_most_and_is_lost() -> None:
    meter = Meter(1.0)
    with meter.asking(0.4) as receipt:
        assert meter.lost_usd == pytest.approx(0.4)
        receipt.paid(0.3, lost=True)
    with meter.asking(0.4):
        pass
    assert meter.lost_usd == pytest.approx(0.7)
    with pytest.raises(BudgetReached), meter.asking(0.31):
        raise AssertionError("it was asked")
