"""The bill before it is due: its lines, its unknowns, and the budget."""

import pytest
from pydantic import ValidationError

from finetune.domain import cost
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.domain.cost import (
    Amount,
    Asked,
    CostEstimate,
    PriceOverrides,
    break_even,
    dollars,
    estimate_run,
    price,
    worth_of_throughput,
)

NOVA_LITE = base_model("amazon.nova-lite-v1:0:300k")
ALL = PriceOverrides(
    training_per_1k_tokens=0.01,
    storage_per_month=2,
    input_per_1k_tokens=0.001,
    output_per_1k_tokens=0.004,
    provisioned_per_hour=60,
)


ASKED = Asked(prompts=Amount(40_000, 60_000), answers=Amount(10_000, 200_000))


def estimate(row: BaseModelRow = NOVA_LITE, **changes: object) -> CostEstimate:
    plain: dict[str, object] = {
        "training_tokens": Amount(100_000, 145_000),
        "epochs": 2,
        "asked": ASKED,
        "prices": ALL,
    }
    return estimate_run(row, **(plain | changes))  # type: ignore[arg-type] # a table of keywords


def test_a_run_answered_on_demand_adds_up_with_what_is_expected_and_what_it_may_be_at_most() -> None:
    bill = {line.what: (line.usd, line.most_usd) for line in estimate().lines}
    assert bill == {
        "Training": (2.0, 2.9),
        "Storage of the custom model for a month": (2.0, 2.0),
        "Evaluation: prompts": (pytest.approx(0.04), pytest.approx(0.06)),
        "Evaluation: answers": (pytest.approx(0.04), pytest.approx(0.8)),
    }
    assert [estimate().total_usd, estimate().most_usd] == pytest.approx([4.08, 5.76])
    assert estimate().said[0] == "Training: $2.00, at most $2.90"


def test_throughput_is_billed_by_the_hour_and_its_start_only_if_the_model_does_not_get_into_service() -> None:
    bill = estimate(asked=ASKED._replace(hours=Amount(1, 3)), start_hours=2, served="provisioned")
    evaluating, starting = bill.lines[-2:]
    assert (evaluating.quantity, evaluating.usd, evaluating.most_usd) == (1, 60, 180)
    assert (starting.quantity, starting.usd, starting.most_usd) == (2, 0, 120)
    assert bill.service
    assert (bill.service.usd, bill.total_usd < 70) == (60 * 730, True)
    assert bill.said[-1] == "In service after a promotion, a month of provisioned throughput: $43,800.00"


def test_each_model_unit_costs_its_hours() -> None:
    one, three = (
        estimate(asked=ASKED._replace(hours=Amount(1, 3)), start_hours=2, served="provisioned", units=units)
        for units in (1, 3)
    )
    assert [each.most_usd for each in three.lines[-2:]] == [3 * (each.most_usd or 0) for each in one.lines[-2:]]
    assert [each.what for each in three.lines[-2:]] == [
        "Evaluation: provisioned throughput of 3 model units",
        "Throughput of 3 model units until it is in service",
    ]
    assert three.service
    assert (three.service.usd, three.service.quantity) == (3 * 60 * 730, 3 * 730)
    assert (
        three.said[-1]
        == "In service after a promotion, a month of provisioned throughput of 3 model units: $131,400.00"
    )


def test_without_an_evaluation_there_is_none_to_pay() -> None:
    assert [line.what for line in estimate(asked=None).lines] == [
        "Training",
        "Storage of the custom model for a month",
    ]


def test_prices_come_from_the_catalog_until_the_settings_name_one() -> None:
    listed = NOVA_LITE.prices.training_per_1k_tokens
    assert price(NOVA_LITE, None, "training_per_1k_tokens") == listed
    assert price(NOVA_LITE, PriceOverrides(storage_per_month=9), "training_per_1k_tokens") == listed
    assert price(NOVA_LITE, PriceOverrides(training_per_1k_tokens=0), "training_per_1k_tokens") == 0


def test_an_unknown_price_is_no_zero_and_its_settings_key_is_named() -> None:
    row = base_model("amazon.nova-micro-v1:0:128k")
    bill = estimate(row, asked=ASKED._replace(hours=Amount(1, 2)), prices=None, served="provisioned")
    assert bill.unknown == ("prices.provisioned_per_hour",)
    assert bill.said[-1].endswith("unknown, because prices.provisioned_per_hour is")


def test_break_even_is_where_both_bills_are_equal() -> None:
    point = break_even(NOVA_LITE, prices=ALL, input_share=0.5)
    assert point is not None
    by_token = point.tokens_per_month / 1000 * (0.5 * 0.001 + 0.5 * 0.004)
    assert by_token == pytest.approx(point.throughput_usd_per_month)
    assert point.throughput_usd_per_month == 60 * 730


def test_throughput_is_worth_its_hours_from_so_many_calls_of_the_projects_own_tokens_on() -> None:
    assert worth_of_throughput(NOVA_LITE, ALL, 500, 125) == (
        "On demand 1,000 calls like those of the evaluation cost $1.00; throughput of $60.00 an hour pays from 60,000 "
        "calls an hour."
    )
    assert "throughput of $180.00 an hour pays from 180,000 calls" in worth_of_throughput(NOVA_LITE, ALL, 500, 125, 3)


@pytest.mark.parametrize(
    ("row", "prices", "tokens"),
    [
        (base_model("amazon.nova-micro-v1:0:128k"), None, 100),
        (base_model("meta.llama3-1-70b-instruct-v1:0:128k"), ALL, 100),
        (base_model("meta.llama3-3-70b-instruct-v1:0:128k"), ALL, 100),
        (NOVA_LITE, ALL, 0),
    ],
    ids=["unknown price", "never on demand", "never on throughput", "free"],
)
def test_what_throughput_is_worth_is_not_said_where_nobody_knows_or_can_choose(
    row: BaseModelRow, prices: PriceOverrides | None, tokens: int
) -> None:
    assert not worth_of_throughput(row, prices, tokens, tokens)


def test_break_even_is_unknown_without_a_price() -> None:
    assert break_even(base_model("amazon.nova-micro-v1:0:128k")) is None


@pytest.mark.parametrize("wrong", [{"training_per_1k_tokens": -1}, {"training": 1}])
def test_price_overrides_refuse_what_they_do_not_know(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PriceOverrides.model_validate(wrong)


@pytest.mark.parametrize(
    ("usd", "written"),
    [(0, "$0.00"), (78_949.5, "$78,949.50"), (1, "$1.00"), (0.06, "$0.06"), (0.0166, "$0.017"), (0.00006, "$0.00006")],
)
def test_amounts_are_written_as_people_write_them(usd: float, written: str) -> None:
    assert dollars(usd) == written


@pytest.mark.parametrize(
    ("estimate", "limit", "asked"),
    [
        (5, None, False),
        (None, None, False),
        (5, 5, False),
        (5.01, 5, True),
        (0.1, 0, True),
        (0, 0, False),
        (None, 5, True),
    ],
)
def test_training_is_asked_about_above_the_line_and_never_without_one(
    estimate: float | None, limit: float | None, asked: bool
) -> None:
    assert (cost.ask_before_training(estimate, limit) is not None) == asked


def test_the_question_before_training_names_both_amounts() -> None:
    words = "The estimated cost of the run is $12.00; budget.approve_above_usd is $10.00."
    assert cost.ask_before_training(12, 10) == words
    assert "is unknown;" in str(cost.ask_before_training(None, 10))


@pytest.mark.parametrize(
    ("hour", "month", "asked"),
    [(1, 730, False), (1, 729.99, True), (0, 0, False), (None, 1e9, True), (108.15, 0, True)],
)
def test_service_by_the_hour_is_asked_about_unless_the_month_is_covered_and_an_unknown_price_never_is(
    hour: float | None, month: float, asked: bool
) -> None:
    assert (cost.ask_before_service(hour, month) is not None) == asked


def test_the_question_before_service_has_the_price_of_an_hour_and_of_a_month() -> None:
    assert "for $108.15 an hour, about $78,949.50 a month" in str(cost.ask_before_service(108.15, 0))
    assert "for an unknown price" in str(cost.ask_before_service(None, 0))
