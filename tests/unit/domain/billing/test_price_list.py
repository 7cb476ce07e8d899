"""What the price list tells is taken only where it is certain, and the run says where its prices are from."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from finetune.domain.billing.price_list import family, read, tokens
from finetune.domain.catalog import base_model, base_models
from finetune.domain.cost import Listed, PriceOverrides, TokenPrices, highest, sources

RECORDED: list[Any] = json.loads(Path(__file__).with_name("price_list.json").read_text())["rows"]
NOVA_2, NOVA_PRO = base_model("amazon.nova-2-lite-v1:0:256k"), base_model("amazon.nova-pro-v1:0:300k")
LLAMA_70B = base_model("meta.llama3-1-70b-instruct-v1:0:128k")
NOW = datetime(2026, 8, 2, tzinfo=UTC)
HOUR = "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits"


def changed(usage_type: str, *path: Any, value: Any) -> list[Any]:
    """The recorded rows with one value of one row replaced; None takes it out."""
    rows = deepcopy(RECORDED)
    place = next(row for row in rows if row["product"]["attributes"]["usagetype"] == usage_type)
    for key in path[:-1]:
        place = next(iter(place.values())) if key is any else place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return rows


DIMENSION = ("terms", "OnDemand", any, "priceDimensions", any)


def test_the_recorded_rows_tell_every_price_of_a_model_and_of_its_tokens_the_dearest() -> None:
    assert read(RECORDED, NOVA_2, "us-east-1", NOW) == PriceOverrides(
        training_per_1k_tokens=0.00378,
        storage_per_month=1.95,
        input_per_1k_tokens=0.00033,
        output_per_1k_tokens=0.00275,
        provisioned_per_hour=60.5,
    )


def test_a_price_of_two_usage_types_is_told_only_by_both() -> None:
    assert read(RECORDED, NOVA_PRO, "us-east-1", NOW) == PriceOverrides()


def test_a_model_without_on_demand_needs_no_price_of_custom_tokens() -> None:
    rows = deepcopy(RECORDED)
    for row, kind in zip(rows[4:6], ("input", "output"), strict=True):
        row["product"]["attributes"] |= {"usagetype": f"USW2-Llama3-1-70B-{kind}-tokens", "regionCode": "us-west-2"}
    found = read(rows, LLAMA_70B, "us-west-2", NOW)
    assert tokens(found) == TokenPrices(input_per_1k_tokens=0.00033, output_per_1k_tokens=0.00275)
    assert found.provisioned_per_hour == 24


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("product", "attributes", "regionCode"), "us-west-2"),
        (("product", "attributes", "regionCode"), None),
        (("product", "attributes", "servicecode"), "AmazonBedrockService"),
        (("product",), None),
        (("terms",), {}),
        (("terms", "OnDemand"), {}),
        (("terms", "OnDemand", any, "effectiveDate"), "2026-08-03T00:00:00Z"),
        (("terms", "OnDemand", any, "effectiveDate"), "soon"),
        (("terms", "OnDemand", any, "priceDimensions"), {}),
        ((*DIMENSION, "unit"), "quarter of an hour"),
        ((*DIMENSION, "unit"), None),
        ((*DIMENSION, "pricePerUnit"), {"CNY": "400"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "0.0000000000"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "-1"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "nan"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "inf"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "1000000"}),
        ((*DIMENSION, "pricePerUnit"), {"USD": "sixty"}),
    ],
)
def test_what_is_not_written_as_expected_is_no_price(path: tuple[Any, ...], value: Any) -> None:
    rows = changed(HOUR, "product", "attributes", "usagetype", value=HOUR)
    assert read(rows, NOVA_2, "us-east-1", NOW).provisioned_per_hour == 60.5
    assert read(changed(HOUR, *path, value=value), NOVA_2, "us-east-1", NOW).provisioned_per_hour is None


def test_a_price_in_steps_is_no_price() -> None:
    rows = deepcopy(RECORDED)
    row = next(each for each in rows if each["product"]["attributes"]["usagetype"] == HOUR)
    [term] = row["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    term["priceDimensions"]["second"] = {**dimension, "beginRange": "100"}
    assert read(rows, NOVA_2, "us-east-1", NOW).provisioned_per_hour is None


def test_two_rows_of_a_usage_type_must_agree() -> None:
    other = changed(HOUR, *DIMENSION, "pricePerUnit", value={"USD": "61"})
    assert read([*RECORDED, *RECORDED], NOVA_2, "us-east-1", NOW).provisioned_per_hour == 60.5
    assert read([*RECORDED, *other], NOVA_2, "us-east-1", NOW).provisioned_per_hour is None


def test_a_price_per_million_tokens_is_a_thousandth_per_thousand() -> None:
    training = "USE1-Nova2.0Lite-Customization-Training"
    rows = changed(training, *DIMENSION, "unit", value="1M tokens")
    assert read(rows, NOVA_2, "us-east-1", NOW).training_per_1k_tokens == pytest.approx(0.00000378)


def test_a_model_or_region_that_nobody_has_read_in_the_list_has_no_prices_there() -> None:
    assert family(NOVA_2, "eu-west-1") is None
    assert read(RECORDED, NOVA_2, "us-west-2", NOW) == PriceOverrides()
    unread = base_model("meta.llama3-1-8b-instruct-v1:0:128k")
    assert (family(unread, "us-west-2"), read(RECORDED, unread, "us-west-2", NOW)) == (None, PriceOverrides())


def test_no_two_models_have_one_name_in_the_list() -> None:
    names = [row.price_list for row in base_models().values() if row.price_list]
    assert len(names) == len(set(names)) == 6


def test_the_list_never_lowers_what_settings_raised() -> None:
    own = PriceOverrides(provisioned_per_hour=70, training_per_1k_tokens=0.001, storage_per_month=3)
    told = PriceOverrides(provisioned_per_hour=60, training_per_1k_tokens=0.002, input_per_1k_tokens=0.1)
    assert highest(own, told) == PriceOverrides(
        provisioned_per_hour=70, training_per_1k_tokens=0.002, storage_per_month=3, input_per_1k_tokens=0.1
    )


def test_a_run_says_where_its_prices_are_from() -> None:
    told = read(RECORDED, NOVA_2, "us-east-1", NOW)
    listed = Listed(day=date(2026, 8, 2), prices=told)
    assert sources(NOVA_2, told, listed, listed.day) == "Prices are those of AWS's price list of 2026-08-02."
    own = told.model_copy(update={"provisioned_per_hour": 90.0, "storage_per_month": None})
    part = Listed(day=date(2026, 8, 2), prices=told.model_copy(update={"storage_per_month": None}))
    assert sources(NOVA_2, own, part, listed.day) == (
        "Prices are of AWS's price list of 2026-08-02: training, prompts, answers; of settings.yaml: an hour of "
        "throughput; of the catalog of 2026-08-02: storage."
    )


def test_a_price_of_the_catalog_that_is_older_than_sixty_days_is_said_to_be() -> None:
    none = PriceOverrides()
    assert sources(NOVA_2, none, None, date(2026, 10, 1)) == "Prices are those of the catalog of 2026-08-02."
    old = "Prices are those of the catalog of 2026-08-02, which is 61 days ago."
    assert sources(NOVA_2, none, None, date(2026, 10, 2)) == old


def test_a_model_without_any_price_has_no_source() -> None:
    assert not sources(base_model("qwen.qwen3-32b-v1:0"), PriceOverrides(), None, date(2026, 8, 2))
