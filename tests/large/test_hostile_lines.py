"""A file that is made to be read for ever is read once."""

from __future__ import annotations

import time

from finetune.domain.catalog import base_model
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from tests.sizes import sized

RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING", minimum_records=0)
TIMES = 8


def seconds(elements: int) -> float:
    """Of the processor's time, for an array that breaks off and begins anew with every element."""
    began = time.process_time()
    report = check_dataset([b"[" + b"[],{}" * elements], suffix=".json", rules=RULES)
    assert report.counts.errors["two-documents"] == elements - 1
    return time.process_time() - began


def test_an_array_of_nothing_but_mistakes_takes_as_long_as_it_is() -> None:
    few = sized(2_500, full=25_000)
    # Eight times the length takes eight times as long, or 64 times where each part is read again for each other.
    assert seconds(few * TIMES) < 3 * TIMES * seconds(few)
