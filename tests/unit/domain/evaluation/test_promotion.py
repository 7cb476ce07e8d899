"""Which endpoint evaluates a model, and which models are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.cost import PriceOverrides
from finetune.domain.evaluation.promotion import StoredModel, evaluation_endpoints, expired

LITE, MICRO = base_model("amazon.nova-lite-v1:0:300k"), base_model("amazon.nova-micro-v1:0:128k")
LLAMA = base_model("meta.llama3-2-1b-instruct-v1:0:128k")
LLAMA_70B = base_model("meta.llama3-3-70b-instruct-v1:0:128k")
NO_PRICES = PriceOverrides()


@pytest.mark.parametrize(
    ("row", "prices", "limit", "estimate", "kinds"),
    [
        pytest.param(LITE, NO_PRICES, 500, 10.0, ("on_demand", "provisioned"), id="an hour fits the budget"),
        pytest.param(LITE, NO_PRICES, 118.15, 10.0, ("on_demand", "provisioned"), id="an hour fits to the cent"),
        pytest.param(LITE, NO_PRICES, 118.14, 10.0, ("on_demand",), id="an hour does not fit"),
        pytest.param(LITE, NO_PRICES, 500, None, ("on_demand",), id="the estimate is unknown"),
        pytest.param(MICRO, NO_PRICES, 500, 1.0, ("on_demand",), id="the price of an hour is unknown"),
        pytest.param(
            MICRO, PriceOverrides(provisioned_per_hour=20), 500, 1.0, ("on_demand", "provisioned"), id="set in settings"
        ),
        pytest.param(LLAMA_70B, PriceOverrides(provisioned_per_hour=20), 500, 1.0, ("on_demand",), id="on demand only"),
        pytest.param(LLAMA, NO_PRICES, 500, 1.0, ("provisioned",), id="throughput only"),
    ],
)
def test_throughput_stands_in_for_a_deployment_only_when_the_budget_covers_an_hour_at_a_known_price(
    row: object, prices: PriceOverrides, limit: float, estimate: float | None, kinds: tuple[str, ...]
) -> None:
    assert evaluation_endpoints(row, prices, limit_usd=limit, estimated_usd=estimate) == kinds  # type: ignore[arg-type]  # a row of the catalog


def stored(age: int) -> StoredModel:
    created = datetime(2026, 11, 1, tzinfo=UTC) - timedelta(days=age)
    return StoredModel(name=f"model-{age}", arn=f"arn:{age}", created=created)


def test_the_oldest_models_beyond_those_kept_go_first_and_what_is_in_use_never() -> None:
    models = [stored(age) for age in (3, 0, 5, 1, 4, 2)]
    assert [each.name for each in expired(models, keep=2, in_use=set())] == ["model-5", "model-4", "model-3", "model-2"]
    assert [each.name for each in expired(models, keep=2, in_use={"arn:4", None})] == ["model-5", "model-3", "model-2"]
    assert expired(models, keep=6, in_use=set()) == []


@given(st.sets(st.integers(0, 50)), st.integers(2, 10), st.sets(st.integers(0, 50)))
def test_as_many_models_as_are_kept_stay_and_each_that_goes_is_older_than_each_of_them(
    ages: set[int], keep: int, used: set[int]
) -> None:
    models = [stored(age) for age in ages]
    gone = expired(models, keep=keep, in_use={f"arn:{age}" for age in used})
    left = [each for each in models if each not in gone]
    assert len(left) >= min(keep, len(models))
    newest = sorted(left, key=lambda each: each.created, reverse=True)[:keep]
    assert all(each.created < other.created for each in gone for other in newest)
    assert not {each.arn for each in gone} & {f"arn:{age}" for age in used}
