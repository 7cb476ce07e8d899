"""Example datasets: as many as asked for, all different, and nothing to object to."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from finetune.domain.catalog import BaseModelRow, Method, base_models
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import rules_for
from finetune_cli.authoring.samples import FORMATS, sample

MODELS = {rules.record_format: (row, method) for row in base_models().values() for method, rules in row.methods.items()}


def test_every_format_of_the_catalog_has_examples() -> None:
    assert MODELS.keys() <= FORMATS.keys()


@pytest.mark.parametrize(("row", "method"), MODELS.values(), ids=MODELS)
def test_2000_examples_are_accepted_without_a_warning(row: BaseModelRow, method: Method) -> None:
    lines = sample(2000, row.methods[method].record_format, 7)
    report = check_dataset((line + b"\n" for line in lines), suffix=".jsonl", rules=rules_for(row, method))
    assert report.records == 2000
    assert (report.counts.errors, report.counts.warnings) == ({}, {})


@pytest.mark.parametrize(("kind", "suffix"), [("openai", ".jsonl"), ("csv", ".csv")])
def test_other_spellings_are_accepted_without_a_warning(kind: str, suffix: str) -> None:
    rules = rules_for(base_models()["amazon.nova-micro-v1:0:128k"], "FINE_TUNING")
    report = check_dataset((line + b"\n" for line in sample(400, kind, 7)), suffix=suffix, rules=rules)
    assert report.records == 400
    assert (report.counts.errors, report.counts.warnings) == ({}, {})


@pytest.mark.parametrize("seed", [1, 2])
def test_no_two_prompts_and_no_two_answers_are_equal(seed: int) -> None:
    pairs = [json.loads(line) for line in sample(2000, "prompt_completion", seed)]
    for key in ("prompt", "completion"):
        (_, most), *_ = Counter(pair[key] for pair in pairs).most_common(1)
        assert most == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    one, same, other = (list(sample(50, "conversation", seed)) for seed in (7, 7, 8))
    assert one == same
    assert not set(one) & set(other)


def test_some_conversations_have_a_second_question() -> None:
    turns = Counter(len(json.loads(line)["messages"]) for line in sample(200, "conversation", 7))
    assert turns.keys() == {2, 4}


def test_every_slot_is_filled() -> None:
    for kind in FORMATS:
        for line in sample(300, kind, 3):
            text = line.decode()
            assert not set("{}") & set(text if kind == "csv" else "".join(strings(json.loads(text))))


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in strings(child)]
