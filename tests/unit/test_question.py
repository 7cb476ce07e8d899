"""What a question rests on, and how it is said what has changed."""

from __future__ import annotations

from finetune.domain.cost import PriceOverrides
from finetune.question import Terms
from finetune.settings import Budget

TERMS = Terms(champion=None, budget=Budget(), prices=PriceOverrides(), usd_per_hour=20)


def test_terms_that_are_the_same_have_no_changes() -> None:
    assert TERMS.changes(TERMS.model_copy()) == ""


def test_every_change_is_named_as_a_person_knows_it() -> None:
    now = Terms(
        champion="arn:m",
        budget=Budget(limit_usd=5, approve_above_usd=1),
        prices=PriceOverrides(storage_per_month=0),
        usd_per_hour=None,
    )
    assert TERMS.changes(now).split("; ") == [
        "the model in service was none and is now arn:m",
        "budget.limit_usd was 50 and is now 5",
        "budget.approve_above_usd was none and is now 1",
        "prices.storage_per_month was none and is now 0",
        "the price of an hour was 20 and is now none",
    ]
