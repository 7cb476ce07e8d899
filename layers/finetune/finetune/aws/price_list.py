"""AWS's Price List, asked once for a run; a run that gets no answer goes by the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from finetune.aws.translation import service_time, translated
from finetune.domain.billing import price_list
from finetune.domain.catalog import BaseModelRow
from finetune.domain.cost import Listed, row_asked
from finetune.errors import FineTuneError
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_pricing import PricingClient

# A model has about twenty rows, of which a page takes a hundred.
MOST_PAGES = 5


def listed(pricing: PricingClient, row: BaseModelRow, settings: Settings, region: str) -> Listed | None:
    """What the price list tells of a base model and of the judge; None where it cannot be asked or understood."""
    judge = row_asked(settings.judge.model)
    begins = {begin: each for each in (row, judge) if each and (begin := price_list.family(each, region))}
    rows: list[Any] = []
    now = None
    try:
        for begin in begins:
            for answer in _pages(pricing, begin, region):
                now = service_time(answer).astimezone(UTC)
                rows += [orjson.loads(text) for text in answer["PriceList"]]
    except (FineTuneError, orjson.JSONDecodeError):
        return None
    if now is None:
        return None
    found = {each.id: price_list.read(rows, each, region, now) for each in begins.values()}
    return Listed(
        day=now.date(),
        prices=found.get(row.id, price_list.NONE),
        judge=price_list.tokens(found.get(judge.id, price_list.NONE) if judge else price_list.NONE),
    )


def _pages(pricing: PricingClient, begin: str, region: str) -> Iterator[Any]:
    """The rows whose usage type begins so; the filter finds others too, which are not read."""
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode="AmazonBedrock",
        Filters=[
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region},
            {"Type": "CONTAINS", "Field": "usagetype", "Value": begin},
        ],
    )
    with translated(f"asking the price list for {begin}"):
        yield from islice(pages, MOST_PAGES)
