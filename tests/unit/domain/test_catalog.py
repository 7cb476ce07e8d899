"""The catalog: every base model once, with rules that hold together."""

from __future__ import annotations

import re
from dataclasses import asdict

import botocore.session
import pytest
from pydantic import TypeAdapter

from finetune.domain import catalog
from finetune.errors import BaseModelRetired, BaseModelUnknown
from finetune.settings_file import parse_settings
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
        ("amazon.nova-micro-v2:0", "did you mean 'amazon.nova-micro-v1:0:128k'?"),
        ("us.amazon.nova-2-light-v1:0", "did you mean 'amazon.nova-2-lite-v1:0:256k'?"),
        ("claude-3-haiku", "Anthropic Claude 3 Haiku, takes no new jobs; use 'amazon.nova-micro-v1:0:128k'."),
        ("qwen3-32", "Qwen3 32B, is customized through another API only; use 'amazon.nova-micro-v1:0:128k'."),
        ("gpt-9", "known ids are amazon.nova-2-lite-v1:0:256k, "),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest_that_takes_jobs_or_with_all(wanted: str, hint: str) -> None:
    with pytest.raises(BaseModelUnknown, match=re.escape(hint)):
        catalog.base_model(wanted)


@pytest.mark.parametrize(
    "name",
    [
        "nova-2-lite",
        "Nova-2-Lite",
        "amazon.nova-2-lite",
        "amazon.nova-2-lite-v1:0",
        "us.amazon.nova-2-lite-v1:0",
        "global.amazon.nova-2-lite-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2-lite-v1:0",
    ],
)
def test_a_base_model_may_be_named_by_any_of_its_ids(name: str) -> None:
    assert catalog.base_model(name).id == "amazon.nova-2-lite-v1:0:256k"
    assert parse_settings(f"base_model: {name}".encode(), source="s").base_model == "amazon.nova-2-lite-v1:0:256k"


def test_no_name_means_two_base_models() -> None:
    for row in ROWS:
        ids = (row.id, row.foundation_model_id, catalog.without_profile(row.inference_id))
        short = [re.sub(r"-v?\d+(:\w+)*$", "", each) for each in ids]
        for name in (row.inference_id, *ids, *short, *(each.partition(".")[2] for each in (*ids, *short))):
            assert catalog.id_of(name) == row.id


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
