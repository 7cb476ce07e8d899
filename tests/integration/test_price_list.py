"""The price list is asked once for a run, and a run that gets no answer goes by the catalog."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from finetune.aws.price_list import MOST_PAGES, listed
from finetune.domain.catalog import base_model
from finetune.domain.evaluation.gates import JudgeSettings
from finetune.settings import Settings
from tests.integration.fakes import NOVA, Stack
from tests.unit.domain.billing.test_price_list import NOVA_2, RECORDED

REFUSED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetProducts")
UNREACHED = EndpointConnectionError(endpoint_url="https://api.pricing.us-east-1.amazonaws.com")


class Listing:
    """A price list of these pages; an error is what it answers instead."""

    def __init__(self, *pages: list[str] | Exception) -> None:
        self.pages = pages
        self.asked: list[list[dict[str, str]]] = []

    def get_paginator(self, name: str) -> Listing:
        assert name == "get_products"
        return self

    def paginate(self, *, ServiceCode: str, Filters: list[dict[str, str]]) -> Any:  # noqa: N803 - AWS's names
        assert ServiceCode == "AmazonBedrock"
        self.asked.append(Filters)
        for page in self.pages:
            if isinstance(page, Exception):
                raise page
            head = {"HTTPHeaders": {"date": "Mon, 30 Nov 2026 21:00:00 GMT"}}
            yield {"PriceList": page, "ResponseMetadata": head}


def told(listing: Listing, model: str = NOVA_2.id, region: str = "us-east-1", judge: str | None = None) -> Any:
    settings = Settings(judge=JudgeSettings(model=judge))
    return listed(cast("Any", listing), base_model(model), settings, region)


def test_the_recorded_answer_is_read_over_all_of_its_pages() -> None:
    texts = [json.dumps(row) for row in RECORDED]
    found = told(Listing(texts[:3], texts[3:]))
    assert found.day == date(2026, 11, 30)
    assert (found.prices.training_per_1k_tokens, found.prices.provisioned_per_hour) == (0.00378, 60.5)
    assert found.judge.input_per_1k_tokens is None


def test_only_rows_of_the_model_and_the_region_are_asked_for() -> None:
    listing = Listing([])
    told(listing)
    [filters] = listing.asked
    assert [(each["Type"], each["Field"], each["Value"]) for each in filters] == [
        ("TERM_MATCH", "regionCode", "us-east-1"),
        ("CONTAINS", "usagetype", "USE1-Nova2.0Lite-"),
    ]


def test_a_judge_has_its_tokens_from_the_list_too() -> None:
    listing = Listing([json.dumps(row) for row in RECORDED])
    found = told(listing, NOVA, judge="us.amazon.nova-2-lite-v1:0")
    assert [filters[1]["Value"] for filters in listing.asked] == ["USE1-NovaMicro-", "USE1-Nova2.0Lite-"]
    assert (found.judge.input_per_1k_tokens, found.judge.output_per_1k_tokens) == (0.00033, 0.00275)
    assert found.prices.input_per_1k_tokens is None


@pytest.mark.parametrize("page", [REFUSED, UNREACHED, ["{"], ["[]"], ["null"], ['{"product": {}}']])
def test_what_cannot_be_asked_or_understood_tells_no_price(page: Any) -> None:
    found = told(Listing([json.dumps(row) for row in RECORDED], page))
    assert found is None or not found.prices.model_dump(exclude_none=True)


def test_a_list_without_an_end_is_not_read_to_its_end() -> None:
    listing = Listing(*[[]] * MOST_PAGES, AssertionError("one page too many"))
    assert told(listing).prices.training_per_1k_tokens is None


def test_a_model_whose_name_in_the_list_is_not_known_is_not_asked_for() -> None:
    listing = Listing(REFUSED)
    assert told(listing, "meta.llama3-1-8b-instruct-v1:0:128k", "us-west-2") is None
    assert not listing.asked


def test_the_emulators_list_has_the_catalogs_prices(stack: Stack) -> None:
    row = base_model(NOVA)
    found = listed(stack.emulator.prices, row, Settings(), "us-east-1")
    assert found
    assert found.prices.training_per_1k_tokens == row.prices.training_per_1k_tokens
    assert found.prices.provisioned_per_hour is None
