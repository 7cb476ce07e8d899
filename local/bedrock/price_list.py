"""AWS's Price List: rows in its form, with the catalog's prices, by which the ledger bills too."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from finetune.domain.billing.price_list import PREFIXES, USAGE
from finetune.domain.catalog import BaseModelRow, base_models
from local.bedrock.authorization import authorize
from local.bedrock.errors import ServiceError
from local.bedrock.policy import Question
from local.bedrock.protocol import Response
from local.bedrock.world import Policies

_UNITS: Mapping[str, str] = {"storage_per_month": "Model/month", "provisioned_per_hour": "hour"}
_TYPE = {"Content-Type": "application/x-amz-json-1.1"}
# When the prices of these rows begin to hold.
_SINCE = "2026-08-01T00:00:00Z"


def answer(policies: Policies, caller: str, body: bytes) -> Response:
    """What GetProducts answers, on one page."""
    try:
        authorize(policies, caller, [Question("pricing:GetProducts", "*", {})])
    except ServiceError as error:
        refused = json.dumps({"__type": error.code, "Message": error.message}).encode()
        return Response(400, refused, _TYPE, error=error.code)
    wanted = {each["Field"]: each for each in json.loads(body)["Filters"]}
    rows = [json.dumps(row) for row in _rows() if _fits(row["product"]["attributes"], wanted)]
    return Response(200, json.dumps({"FormatVersion": "aws_v1", "PriceList": rows}).encode(), _TYPE)


def _fits(attributes: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(
        each["Value"] in attributes[name] if each["Type"] == "CONTAINS" else each["Value"] == attributes[name]
        for name, each in wanted.items()
    )


def _rows() -> Iterator[dict[str, Any]]:
    for row in base_models().values():
        for region in row.regions if row.price_list else ():
            for name, endings in USAGE.items():
                for ending in endings:
                    usd = getattr(row.prices, name)
                    if usd is not None:
                        yield _row(row, region, f"{PREFIXES[region]}-{row.price_list}-{ending}", usd, name)


def _row(row: BaseModelRow, region: str, usage_type: str, usd: float, name: str) -> dict[str, Any]:
    sku = sha256(usage_type.encode()).hexdigest()[:16].upper()
    term, unit = f"{sku}.JRTCKXETXF", _UNITS.get(name, "1K tokens")
    dimension = {
        "unit": unit,
        "endRange": "Inf",
        "description": f"${usd} per {unit} for {usage_type}",
        "appliesTo": [],
        "rateCode": f"{term}.6YS6EN2CT7",
        "beginRange": "0",
        "pricePerUnit": {"USD": f"{usd:.10f}"},
    }
    offered = {
        "priceDimensions": {dimension["rateCode"]: dimension},
        "sku": sku,
        "effectiveDate": _SINCE,
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
    }
    return {
        "product": {
            "attributes": {
                "servicecode": "AmazonBedrock",
                "usagetype": usage_type,
                "regionCode": region,
                "model": row.name,
                "locationType": "AWS Region",
            },
            "sku": sku,
        },
        "serviceCode": "AmazonBedrock",
        "terms": {"OnDemand": {term: offered}},
        "version": "20260801000000",
        "publicationDate": _SINCE,
    }
