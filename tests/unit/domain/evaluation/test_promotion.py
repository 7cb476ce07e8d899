"""Which endpoint evaluates a model."""

from __future__ import annotations

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.cost import PriceOverrides
from finetune.domain.evaluation.promotion import evaluation_endpoints

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
