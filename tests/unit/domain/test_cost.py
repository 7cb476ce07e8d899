"""The bill before it is due: its lines, its unknowns, and the budget."""

import pytest
from pydantic import ValidationError

from finetune.domain import cost
from finetune.domain.catalog import BaseModelRow, base_model, base_models
from finetune.domain.cost import CostEstimate, PriceOverrides, break_even, dollars, estimate_run, price, within_budget

NOVA_LITE = base_model("amazon.nova-lite-v1:0:300k")
ALL = PriceOverrides(
    training_per_1k_tokens=0.01,
    storage_per_month=2,
    input_per_1k_tokens=0.001,
    output_per_1k_tokens=0.004,
    provisioned_per_hour=60,
)


def estimate(row: BaseModelRow = NOVA_LITE, **changes: object) -> CostEstimate:
    plain: dict[str, object] = {
        "training_tokens": 100_000,
        "epochs": 2,
        "evaluation_items": 100,
        "input_tokens_per_item": 200,
        "output_tokens_per_item": 50,
        "endpoint": "on_demand",
        "prices": ALL,
    }
    return estimate_run(row, **(plain | changes))  # type: ignore[arg-type] # a table of keywords


def test_a_run_answered_on_demand_adds_up() -> None:
    bill = {line.what: line.usd for line in estimate().lines}
    assert bill == {
        "Training": 2.0,
        "Storage of the custom model for a month": 2.0,
        "Evaluation: prompts": pytest.approx(0.04),
        "Evaluation: answers": pytest.approx(0.04),
    }
    assert estimate().total_usd == pytest.approx(4.08)


@pytest.mark.parametrize(("hours", "billed"), [(0.1, 1), (1.0, 1), (1.01, 2), (2.5, 3)])
def test_provisioned_throughput_is_billed_by_the_started_hour(hours: float, billed: int) -> None:
    line = estimate(endpoint="provisioned", endpoint_hours=hours).lines[-1]
    assert (line.quantity, line.usd) == (billed, 60.0 * billed)


def test_on_throughput_only_the_other_contestants_pay_by_token() -> None:
    line = next(line for line in estimate(endpoint="provisioned", contestants=3).lines if "prompts" in line.what)
    assert line.quantity == 100 * 2 * 200 / 1000


def test_without_an_endpoint_there_is_no_evaluation_to_pay() -> None:
    assert [line.what for line in estimate(endpoint=None).lines] == [
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
    bill = estimate(row, endpoint="provisioned", prices=None)
    assert bill.unknown == ("prices.provisioned_per_hour",)
    verdict = within_budget(bill, 1_000_000)
    assert not verdict.within
    assert "set prices.provisioned_per_hour in settings.yaml" in verdict.reason


@pytest.mark.parametrize("model_id", base_models())
def test_every_base_model_gets_an_estimate_that_fails_closed(model_id: str) -> None:
    row = base_models()[model_id]
    bill = estimate(row, prices=None, endpoint=row.deployments[0] if row.deployments else None)
    assert within_budget(bill, 1e9).within is not bool(bill.unknown)


@pytest.mark.parametrize(("limit", "within"), [(4.08, True), (4.0, False), (0, False)])
def test_the_limit_itself_is_within_the_budget(limit: float, within: bool) -> None:
    exact = estimate().model_copy(update={"total_usd": 4.08})
    assert within_budget(exact, limit).within is within


def test_the_sentence_over_budget_names_the_dearest_line() -> None:
    verdict = within_budget(estimate(endpoint="provisioned"), 10)
    assert verdict.reason == (
        "The run would cost $64.04, more than the budget of $10.00; most of it is evaluation: provisioned throughput "
        "($60.00). Its token counts are estimated, up to 31% too low or 23% too high in Latin letters, more in digits "
        "and other scripts."
    )


def test_break_even_is_where_both_bills_are_equal() -> None:
    point = break_even(NOVA_LITE, prices=ALL, input_share=0.5)
    assert point is not None
    by_token = point.tokens_per_month / 1000 * (0.5 * 0.001 + 0.5 * 0.004)
    assert by_token == pytest.approx(point.throughput_usd_per_month)
    assert point.throughput_usd_per_month == 60 * 730


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
