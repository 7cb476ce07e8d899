"""What an account may have is asked of Service Quotas, and what it does not tell is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws.quotas import quota_of
from tests.integration.fakes import Stack


class Listing:
    """Service Quotas with these names and values; None refuses."""

    def __init__(self, quotas: Sequence[tuple[str, float]] | None) -> None:
        self._quotas = quotas

    def get_paginator(self, name: str) -> Listing:
        assert name == "list_service_quotas"
        return self

    def paginate(self, *, ServiceCode: str) -> list[dict[str, Any]]:  # noqa: N803 - AWS's names
        assert ServiceCode == "bedrock"
        if self._quotas is None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "ListServiceQuotas")
        return [{"Quotas": [{"QuotaName": name, "Value": value}]} for name, value in self._quotas]


def told(quotas: Sequence[tuple[str, float]] | None, kind: Literal["on_demand", "provisioned"] = "on_demand") -> Any:
    return quota_of(cast("Any", Listing(quotas)), kind)


def test_the_quota_is_found_by_its_name_among_others(stack: Stack) -> None:
    deployments, units = (quota_of(stack.emulator.quotas, kind) for kind in ("on_demand", "provisioned"))
    assert (deployments.value, units.value) == (10, 2)
    assert units.name == "Model units no-commitment Provisioned Throughputs across custom models"


@pytest.mark.parametrize(
    "name",
    [
        "(Model customization) Sum of on demand custom model deployments tokens per minute for Amazon Nova Lite",
        "Custom model deployments with a creating status per account",
        "Custom models per account",
    ],
)
def test_rates_and_what_is_being_created_are_other_quotas(name: str) -> None:
    assert told([(name, 2.0)]).value is None


@pytest.mark.parametrize("quotas", [None, []])
def test_what_is_not_told_is_not_known(quotas: list[Any] | None) -> None:
    assert told(quotas) == ("custom model deployments", None)


def test_of_several_that_fit_the_smallest_counts() -> None:
    names = ("Custom model deployments per account", "(Model customization) Custom model deployments")
    assert told([(names[0], 10.0), (names[1], 3.0)]) == (names[1], 3)
