"""The catalog: every base model once, with rules that hold together."""

from __future__ import annotations

import re
from dataclasses import asdict

import botocore.session
import pytest
from pydantic import TypeAdapter

from finetune.domain import catalog
from finetune.errors import BaseModelRetired, BaseModelUnknown
from tools import tables
from tools.tables import CATALOG

ROWS = list(catalog.base_models().values())
SHAPE = botocore.session.get_session().get_service_model("bedrock").shape_for("BaseModelIdentifier")
CUSTOMIZATION_REGIONS = {"us-east-1", "us-west-2"}


def test_the_catalog_that_is_read_is_the_one_that_people_edit() -> None:
    assert CATALOG.with_suffix(".json").read_bytes() == tables.catalog(), "run make tables"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_holds_together(row: catalog.BaseModelRow) -> None:
    assert re.fullmatch(SHAPE.metadata["pattern"], row.id)
    assert set(row.regions) <= CUSTOMIZATION_REGIONS
    for rules in row.methods.values():
        assert 0 < rules.records.minimum < rules.records.maximum
    for name, rule in row.hyperparameters.items():
        assert re.fullmatch(r"[a-zA-Z]+", name)
        assert rule.default in rule.words or rule.minimum <= float(rule.default) <= rule.maximum
    if row.lifecycle.successor:
        assert catalog.base_model(row.lifecycle.successor).lifecycle.status == "active"
    if row.api == "bedrock":
        assert row.methods
        assert row.deployments


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_holds_values_of_its_types(row: catalog.BaseModelRow) -> None:
    assert TypeAdapter(catalog.BaseModelRow).validate_python(asdict(row)) == row


def test_a_model_s_row_is_laid_over_its_family_s() -> None:
    ninety = catalog.base_model("meta.llama3-2-90b-instruct-v1:0:128k")
    one = catalog.base_model("meta.llama3-2-1b-instruct-v1:0:128k")
    assert (ninety.tokens_per_record, one.tokens_per_record) == (10_000, 16_000)
    assert ninety.hyperparameters == one.hyperparameters


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("amazon.nova-micro-v1:0", "did you mean 'amazon.nova-micro-v1:0:128k'?"),
        ("us.amazon.nova-2-lite-v1:0", "did you mean 'amazon.nova-2-lite-v1:0:256k'?"),
        ("gpt-9", "known ids are amazon.nova-2-lite-v1:0:256k, "),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest_or_with_all(wanted: str, hint: str) -> None:
    with pytest.raises(BaseModelUnknown, match=re.escape(hint)):
        catalog.base_model(wanted)


def test_a_foundation_model_may_be_named_by_its_arn() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"
    assert catalog.base_model(arn) == catalog.base_model("amazon.nova-micro-v1:0:128k")
    custom = arn.replace("::foundation-model", ":123456789012:custom-model")
    assert catalog.id_of(custom) == custom


def test_a_model_that_takes_no_jobs_is_refused_with_its_successor() -> None:
    row = catalog.base_model("anthropic.claude-3-haiku-20240307-v1:0:200k")
    with pytest.raises(
        BaseModelRetired, match=r"since 2026-09-10\. Use base_model: amazon\.nova-micro-v1:0:128k instead"
    ):
        catalog.require_active(row, accepted=False, region="us-west-2")
    catalog.require_active(row, accepted=True, region="us-west-2")


def test_a_model_of_another_region_is_refused_with_that_region() -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    with pytest.raises(BaseModelUnknown, match=r"is customized in us-east-1, not in us-west-2; deploy the stack there"):
        catalog.require_active(row, accepted=False, region="us-west-2")


def test_a_model_of_another_api_is_refused_by_name() -> None:
    row = catalog.base_model("qwen.qwen3-32b-v1:0")
    with pytest.raises(
        BaseModelUnknown, match=r"Qwen3 32B\) cannot be customized by FINE_TUNING; it takes another API only"
    ):
        catalog.require_method(row, "FINE_TUNING")
