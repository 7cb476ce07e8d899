"""What the report says of money, known and unknown."""

from finetune.domain import catalog, cost
from finetune.domain.report.run import render
from tests.reporting import Page, report


def test_tokens_are_priced_by_the_million_and_the_break_even_is_in_round_numbers() -> None:
    row = catalog.base_model("amazon.nova-lite-v1:0:300k")
    estimate = cost.estimate_run(row, training_tokens=184_000, epochs=3, evaluation_items=60, endpoint="on_demand")
    page = Page(render(report(cost=estimate)))
    assert {"552,000 tokens", "$2.00 per million", "1 month", "598 billion tokens a month"} <= set(page.texts)


def test_unknown_prices_are_said_to_be_unknown() -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    bill = cost.estimate_run(row, training_tokens=1, epochs=1, evaluation_items=1, endpoint="provisioned")
    page = render(report(cost=bill, break_even=None))
    assert "Total of what is known" in page
    assert "The break-even between paying by the token and provisioned throughput is unknown" in page
