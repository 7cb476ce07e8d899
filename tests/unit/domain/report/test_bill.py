"""What the report says of money, known and unknown."""

from finetune.domain import catalog, cost
from finetune.domain.cost import Amount
from finetune.domain.report.bill import bill
from finetune.domain.report.run import render
from tests.reporting import ASKED, Page, report


def test_tokens_are_priced_by_the_million_and_the_break_even_is_in_round_numbers() -> None:
    row = catalog.base_model("amazon.nova-lite-v1:0:300k")
    estimate = cost.estimate_run(
        row, training_tokens=Amount(184_000, 266_800), epochs=3, asked=ASKED, served="provisioned"
    )
    page = Page(render(report(cost=estimate)))
    assert {"552,000 tokens", "$2.00 per million", "1 month", "598 billion tokens a month"} <= set(page.texts)
    assert "598 million a month, 819,000 an hour" in str(bill(estimate, cost.break_even(row), 1000))
    assert {"Expected", "$1.10", "At most", "$1.60", "730 hours", "$108.15 per hour", "$78,949.50"} <= set(page.texts)


def test_unknown_prices_are_said_to_be_unknown() -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    asked = ASKED._replace(hours=Amount(1, 2))
    unknown = cost.estimate_run(row, training_tokens=Amount(1, 1), epochs=1, asked=asked)
    page = render(report(cost=unknown, break_even=None))
    assert "Total of what is known" in page
    assert "The break-even between paying by the token and provisioned throughput is unknown" in page
