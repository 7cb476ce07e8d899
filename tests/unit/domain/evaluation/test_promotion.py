"""Which endpoint evaluates a model, for how long, and what it may cost in service."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.billing.limits import RESERVE, service, started_hours, throughput_lease
from finetune.domain.catalog import BaseModelRow, Deployment, base_model
from finetune.domain.cost import PriceOverrides
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.domain.evaluation.promotion import evaluation_endpoints, not_agreed

LITE, MICRO = base_model("amazon.nova-lite-v1:0:300k"), base_model("amazon.nova-micro-v1:0:128k")
LLAMA = base_model("meta.llama3-2-1b-instruct-v1:0:128k")
LLAMA_70B = base_model("meta.llama3-3-70b-instruct-v1:0:128k")
NO_PRICES, SET = PriceOverrides(), PriceOverrides(provisioned_per_hour=20)


@pytest.mark.parametrize(
    ("row", "prices", "rest", "hours", "kinds"),
    [
        pytest.param(LITE, NO_PRICES, 500, 2, {"on_demand": RUN_BOUND, "provisioned": 3.5}, id="the hours fit"),
        pytest.param(
            LITE, NO_PRICES, 216.3, 2, {"on_demand": RUN_BOUND, "provisioned": 1.5}, id="they fit to the cent"
        ),
        pytest.param(LITE, NO_PRICES, 216.29, 2, {"on_demand": RUN_BOUND}, id="they do not fit"),
        pytest.param(LITE, NO_PRICES, 5000, 2, {"on_demand": RUN_BOUND, "provisioned": 6}, id="more than is of use"),
        pytest.param(LITE, NO_PRICES, 5000, 20, {"on_demand": RUN_BOUND, "provisioned": 20}, id="a long evaluation"),
        pytest.param(LITE, NO_PRICES, -math.inf, 2, {"on_demand": RUN_BOUND}, id="the estimate is unknown"),
        pytest.param(MICRO, NO_PRICES, 500, 2, {"on_demand": RUN_BOUND}, id="the price of an hour is unknown"),
        pytest.param(MICRO, SET, 60, 2, {"on_demand": RUN_BOUND, "provisioned": 2.5}, id="set in settings"),
        pytest.param(LLAMA_70B, SET, 500, 2, {"on_demand": RUN_BOUND}, id="on demand only"),
        pytest.param(LLAMA, SET, 40, 2, {"provisioned": 1.5}, id="throughput only"),
        pytest.param(LLAMA, NO_PRICES, 500, 2, {}, id="throughput only at an unknown price"),
    ],
)
def test_throughput_stands_in_for_a_deployment_only_when_the_budget_pays_for_all_it_may_take(
    row: BaseModelRow, prices: PriceOverrides, rest: float, hours: float, kinds: dict[Deployment, timedelta | float]
) -> None:
    found = evaluation_endpoints(row, prices, rest_usd=rest, throughput_hours=hours)
    assert list(found.items()) == [
        (kind, lease if isinstance(lease, timedelta) else timedelta(hours=lease)) for kind, lease in kinds.items()
    ]


@given(st.floats(0, 10_000), st.floats(0.01, 200), st.integers(1, 100))
def test_a_lease_ends_before_the_last_hour_that_is_paid_for(rest: float, hour: float, needed: int) -> None:
    lease = throughput_lease(rest, hour, needed)
    assert lease is None or started_hours((lease + RESERVE).total_seconds() / 60) * hour <= rest + 1e-3
    assert (lease is None) == (math.floor(rest / hour + 1e-9) < needed)


def test_what_a_model_costs_in_service_is_agreed_to_only_at_a_known_price_within_the_month() -> None:
    month = 108.15 * 730
    assert service(LITE, NO_PRICES, "on_demand", 0).covered
    assert not service(MICRO, NO_PRICES, "provisioned", 1e6).covered
    assert service(LITE, NO_PRICES, "provisioned", month).covered
    assert not service(LITE, NO_PRICES, "provisioned", 3 * month - 0.01, 3).covered
    assert service(LITE, NO_PRICES, "provisioned", 3 * month, 3).usd_per_hour == pytest.approx(3 * 108.15)
    refused = service(LITE, NO_PRICES, "provisioned", month - 0.01)
    assert not refused.covered
    assert not_agreed(refused, limit_usd_per_month=0) == (
        "It is not put into service: its throughput costs $108.15 an hour, $78,949.50 a month, and "
        "budget.service_usd_per_month is $0.00."
    )
