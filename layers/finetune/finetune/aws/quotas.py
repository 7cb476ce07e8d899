"""How many endpoints, jobs and custom models the account may have, as Service Quotas tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from finetune.aws.translation import translated
from finetune.domain.catalog import Deployment
from finetune.errors import FineTuneError

if TYPE_CHECKING:
    from mypy_boto3_service_quotas import ServiceQuotasClient


Counted = Deployment | Literal["job", "model"]


class Quota(NamedTuple):
    """A quota by its name in Service Quotas; `value` is None where Service Quotas does not tell it."""

    name: str
    value: int | None


# What one place is called, and which quota counts it, by the quota's name: codes differ between lists, and no page of
# AWS has the code of the one for deployments. Rates and the quota on those in Creating have such names too.
PLACES: Mapping[Deployment, str] = {"on_demand": "custom model deployment", "provisioned": "model unit"}
_NAMES: Mapping[Counted, str] = {
    "on_demand": "custom model deployments",
    "provisioned": "model units no-commitment provisioned throughputs across custom models",
    "job": "scheduled customization jobs",
    "model": "custom models per account",
}
_OF_OTHERS = ("minute", "second", "day", "creating")
_SPOKEN: Mapping[Counted, str] = {
    "on_demand": "custom model deployments",
    "provisioned": "Model units no-commitment Provisioned Throughputs across custom models",
    "job": "Scheduled customization jobs",
    "model": "Custom models per account",
}


def _is_of(kind: Counted, quota: str) -> bool:
    name = f" {quota.lower()}"
    return f" {_NAMES[kind]}" in name and not any(word in name for word in _OF_OTHERS)


def quota_of(quotas: ServiceQuotasClient, kind: Counted) -> Quota:
    """The account's quota on endpoints of a kind, jobs or custom models; the smallest where several names fit."""
    try:
        with translated("listing the quotas of Amazon Bedrock"):
            pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock")
            found = [
                Quota(each["QuotaName"], int(each["Value"]))
                for page in pages
                for each in page["Quotas"]
                if _is_of(kind, each["QuotaName"])
            ]
    except FineTuneError:
        found = []
    return min(found, key=lambda quota: quota.value or 0, default=Quota(_SPOKEN[kind], None))
