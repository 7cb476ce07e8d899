"""What a run has cost: every part that is known, and a lower bound where one is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from finetune.domain.billing import spent
from finetune.domain.billing.spent import Spent
from finetune.domain.catalog import base_model
from finetune.domain.cost import PriceOverrides, TokenPrices

NOVA = base_model("amazon.nova-micro-v1:0:128k")
OWN = PriceOverrides(training_per_1k_tokens=0.002, provisioned_per_hour=10)
OPENED = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_run_that_used_nothing_cost_nothing() -> None:
    assert Spent().sentence == "Cost of the run: nothing was billed."


def test_what_was_used_is_added_up_and_named() -> None:
    used = Spent(
        lines=(
            spent.training(NOVA, OWN, 600_000),
            spent.answers("evaluation", TokenPrices(input_per_1k_tokens=0.1, output_per_1k_tokens=0.2), 1_000, 2_000),
        )
    )
    assert used.total_usd == pytest.approx(1.7)
    assert used.sentence == (
        "Cost of the run: $1.70 (training $1.20, evaluation $0.50), computed from the tokens and hours that were used."
    )


@pytest.mark.parametrize(("minutes", "hours"), [(0, 1), (59, 1), (60, 1), (61, 2), (360, 6)])
def test_a_started_hour_of_throughput_counts_in_full(minutes: int, hours: int) -> None:
    each = (OPENED, OPENED + timedelta(minutes=minutes))
    line = spent.throughput(NOVA, OWN, [each, each])
    assert (line.quantity, line.usd) == (2 * hours, 20 * hours)


def test_every_model_unit_is_billed() -> None:
    line = spent.throughput(NOVA, OWN, [(OPENED, OPENED + timedelta(minutes=61))], 3)
    assert (line.quantity, line.usd) == (6, 60)


def test_an_unknown_price_and_an_uncounted_part_make_a_lower_bound() -> None:
    none = TokenPrices(input_per_1k_tokens=0.1)
    used = Spent(
        lines=(spent.training(NOVA, OWN, 1_000), spent.answers("judge", none, 10, 10)),
        missing=("the job shop-c1, which ended early",),
    )
    assert used.sentence == (
        "Cost of the run: at least $0.002 (training $0.002), computed from the tokens and hours that were used. "
        "Not counted: judge, whose price is unknown; the job shop-c1, which ended early."
    )


def test_where_nothing_could_be_counted_the_mail_does_not_say_that_nothing_was_billed() -> None:
    told = Spent(missing=("what Bedrock did not tell",)).sentence
    assert told == "Cost of the run: at least $0.00. Not counted: what Bedrock did not tell."
