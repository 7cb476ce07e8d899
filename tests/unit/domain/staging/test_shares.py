"""Shares of a dataset: what they may be, and how many records they come to."""

from __future__ import annotations

import pytest

from finetune.domain.staging.shares import Shares


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.5, 0.5)])
def test_shares_leave_something_for_training(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="leave something"):
        Shares(*shares)
