"""Variants only for training: a run holds out none of them and none of their sources."""

from __future__ import annotations

from io import BytesIO

from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.json_lines import from_jsonl
from finetune.domain.records.conversion import convert
from finetune.domain.records.source import Source
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Sinks, prepare_dataset
from finetune_cli.authoring.augment import Variant, only_in_training
from finetune_cli.authoring.cleaning import clean, ignore
from finetune_cli.authoring.samples import sample
from finetune_cli.authoring.variants import variants
from tests.authoring import NOVA


def test_no_variant_and_no_source_of_one_is_held_out() -> None:
    shares = Shares(validation=0.1, evaluation=0.1)
    originals = [line + b"\n" for line in sample(200, "conversation", 5)]
    records = [(place, record, place.line) for place, record in clean(Source(originals, ".jsonl"), NOVA, ignore)]

    made = [
        Variant(place, rule, convert(variant, "conversation") + b"\n", originals[place.line - 1], place.line)
        for place, _, variant, rule in variants(records, set())
    ]
    left = only_in_training(lambda: originals, made, rows=200, rules=NOVA, shares=shares, seed=7)
    assert 80 < len(left) < len(made)
    held = [BytesIO(), BytesIO()]
    prepare_dataset(
        Inputs(lambda: [*originals, *(variant.content for variant in left)], ".jsonl"),
        NOVA,
        shares,
        7,
        Sinks(BytesIO(), *held),
    )
    validation = set(held[0].getvalue().splitlines(keepends=True))
    asked = {item.line for item in from_jsonl(held[1].getvalue(), EvaluationItem)}
    assert len(validation) == len(asked) > 20
    assert not validation & {line for variant in left for line in (variant.content, variant.source)}
    assert not asked & {row for row, variant in enumerate(left, 201) for row in (row, variant.row)}
