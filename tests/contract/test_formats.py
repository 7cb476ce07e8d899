"""Every table that has a row for each record format has all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from finetune.domain.catalog import RecordFormat
from finetune.domain.records import conversion, reading
from finetune.domain.records.record import SourceFormat
from finetune_cli.authoring import cleaning, samples
from local.bedrock import data_rules
from tools.tables import SETTINGS


def test_every_format_of_a_dataset_has_a_reader() -> None:
    assert set(reading._READERS) == set(get_args(SourceFormat))


@pytest.mark.parametrize("name", sorted(set().union(*reading._KNOWN_KEYS.values()) - {"schemaVersion"}))
def test_every_key_that_is_read_is_on_the_page_about_datasets(name: str) -> None:
    assert f"`{name}`" in SETTINGS.read_text(), "docs/settings.md, the table below Dataset formats"


@pytest.mark.parametrize(
    "table",
    [conversion._WRITERS, cleaning._SAME, samples.FORMATS, data_rules._READERS, data_rules._EXPECTED],
    ids=["conversion", "cleaning", "samples", "data_rules", "data_rules, expected"],
)
def test_a_format_that_a_base_model_takes_is_written_sampled_and_checked(table: Mapping[str, Any]) -> None:
    assert set(table) >= set(get_args(RecordFormat))
