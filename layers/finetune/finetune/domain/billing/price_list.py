"""Prices as AWS's Price List tells them: only what can be read with certainty, from one row for one usage type."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from finetune.domain.catalog import BaseModelRow
from finetune.domain.cost import MOST_PRICE_USD, PriceOverrides, TokenPrices

# How usage types begin, by the Regions in which anything is customized.
PREFIXES: Mapping[str, str] = {"us-east-1": "USE1", "us-west-2": "USW2"}
# The usage types of a price after Region and model; where there are several the dearest counts. Tokens of the base
# model and of custom models are two.
USAGE: Mapping[str, Sequence[str]] = {
    "training_per_1k_tokens": ("Customization-Training",),
    "storage_per_month": ("Customization-Storage",),
    "input_per_1k_tokens": ("input-tokens", "input-tokens-custom-model"),
    "output_per_1k_tokens": ("output-tokens", "output-tokens-custom-model"),
    "provisioned_per_hour": ("ProvisionedThroughput-NoCommit-ModelUnits",),
}
# How many of ours are in the list's unit, which is written in several ways; of another unit nothing is read.
_TOKENS = {"1ktokens": 1.0, "1mtokens": 1000.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "storage_per_month": {"model/month": 1.0},
    "provisioned_per_hour": {"hour": 1.0, "hours": 1.0, "hrs": 1.0},
}

NONE = PriceOverrides()


def family(row: BaseModelRow, region: str) -> str | None:
    """How usage types of a base model begin in a Region; None where that is not known."""
    prefix = PREFIXES.get(region)
    return f"{prefix}-{row.price_list}-" if prefix and row.price_list else None


def read(products: Iterable[Any], row: BaseModelRow, region: str, now: datetime) -> PriceOverrides:
    """The prices of a base model that rows of the list tell with certainty; zero is no price."""
    begin, rows = family(row, region), list(products)
    served = (
        {"input-tokens-custom-model", "output-tokens-custom-model"} if "on_demand" not in row.deployments else set()
    )
    found: dict[str, float] = {}
    for name, endings in USAGE.items() if begin else ():
        units = _UNITS.get(name, _TOKENS)
        prices = [_price(rows, f"{begin}{each}", units, region, now) for each in endings if each not in served]
        if all(each is not None for each in prices):
            found[name] = max(each for each in prices if each is not None)
    return PriceOverrides(**found)


def tokens(prices: PriceOverrides) -> TokenPrices:
    """The two prices of tokens."""
    return TokenPrices(input_per_1k_tokens=prices.input_per_1k_tokens, output_per_1k_tokens=prices.output_per_1k_tokens)


def _price(
    rows: Iterable[Any], usage_type: str, units: Mapping[str, float], region: str, now: datetime
) -> float | None:
    """The price of one usage type; None unless all rows of it agree on one that holds now."""
    try:
        told = {usd for row in rows for usd in _told(row, usage_type, units, region, now)}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return told.pop() if len(told) == 1 else None


def _told(row: Any, usage_type: str, units: Mapping[str, float], region: str, now: datetime) -> Iterator[float]:
    """The one price of a row; ValueError or KeyError for what is written in another way than expected."""
    about = row["product"]["attributes"]
    if about.get("usagetype") != usage_type:
        return
    if about["regionCode"] != region or about["servicecode"] != "AmazonBedrock":
        raise ValueError(f"{usage_type} is of another Region or service")
    [term] = row["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    usd = float(dimension["pricePerUnit"]["USD"]) / units[dimension["unit"].replace(" ", "").lower()]
    if not (0 < usd <= MOST_PRICE_USD and math.isfinite(usd)):
        raise ValueError(f"{usd} is no price")
    if datetime.fromisoformat(term["effectiveDate"]) > now:
        raise ValueError(f"{usage_type} has a price from a later day on")
    yield usd
