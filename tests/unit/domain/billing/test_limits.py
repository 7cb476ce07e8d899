"""Whether a run fits its limit, whatever it comes to."""

from __future__ import annotations

import pytest

from finetune.domain.billing.limits import hours_needed, within_budget
from finetune.domain.catalog import base_models
from finetune.domain.cost import NOTHING, Amount, CostEstimate, estimate_run
from tests.unit.domain.test_cost import ASKED, estimate


@pytest.mark.parametrize("model_id", base_models())
def test_every_base_model_gets_an_estimate_that_fails_closed(model_id: str) -> None:
    row = base_models()[model_id]
    bill = estimate(row, prices=None)
    assert within_budget(bill, 1e9).within is not bool(bill.unknown)


@pytest.mark.parametrize(("limit", "within"), [(5.76, True), (5.75, False), (4.08, False), (0, False)])
def test_what_counts_is_the_most_that_a_run_may_cost_and_the_limit_itself_is_within(limit: float, within: bool) -> None:
    exact = estimate().model_copy(update={"most_usd": 5.76})
    assert within_budget(exact, limit).within is within


def test_the_sentence_over_budget_names_the_dearest_line_and_whose_limit_it_is() -> None:
    verdict = within_budget(estimate(asked=ASKED._replace(hours=Amount(1, 2))), 10, whose="the stack")
    assert verdict.reason == (
        "The run is estimated at $64.08 and may cost up to $125.76, more than the $10.00 of the stack; most of it is "
        "evaluation: provisioned throughput ($120.00 at most). Its token counts are estimated, up to 31% too low or "
        "23% too high in Latin letters, more in digits and other scripts."
    )


def test_an_unknown_price_is_within_no_budget() -> None:
    row = base_models()["meta.llama3-2-1b-instruct-v1:0:128k"]
    bill: CostEstimate = estimate_run(row, training_tokens=Amount(1, 1), epochs=1, asked=None)
    verdict = within_budget(bill, 1_000_000)
    assert not verdict.within
    assert "set prices.training_per_1k_tokens in settings.yaml" in verdict.reason


def test_throughput_takes_the_time_to_come_up_to_be_used_and_at_most_to_be_got_rid_of() -> None:
    assert hours_needed(Amount(25, 45), NOTHING) == (1, 2)
    assert hours_needed(Amount(25, 45), Amount(35, 35)) == (1, 3)
