"""Shares of a dataset: what they may be, and how many records they come to."""

from __future__ import annotations

import pytest

from finetune.domain.staging.shares import Shares


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1.0, 0.0)])
def test_shares_leave_something_for_training(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="leave something"):
        Shares(*shares)


@pytest.mark.parametrize(
    ("share", "total", "held"), [(0.1, 0, 0), (0.1, 4, 0), (0.1, 5, 1), (0.1, 104, 10), (0.1, 105, 11), (0.0, 999, 0)]
)
def test_a_share_is_rounded_to_the_record(share: float, total: int, held: int) -> None:
    assert Shares(0, share).to_evaluate(total) == held


@pytest.mark.parametrize(("total", "held"), [(99, 10), (100, 20), (149, 20), (195, 20), (205, 21), (300, 30)])
def test_what_a_verdict_takes_is_held_out_where_it_is_a_fifth_at_most(total: int, held: int) -> None:
    assert Shares(0.1, 0.1, least_evaluation=20).to_evaluate(total) == held


def test_nothing_is_held_out_for_a_verdict_that_nobody_asked_for() -> None:
    assert Shares(0.1, 0.0, least_evaluation=20).to_evaluate(1_000) == 0
