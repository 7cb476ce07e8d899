"""Cleaning, choosing and varying records: nothing lost without a word, nothing made up, the same every time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.findings import Place
from finetune.domain.json_lines import from_jsonl
from finetune.domain.records.conversion import convert
from finetune.domain.records.record import Record, of_texts
from finetune.domain.records.source import Source
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Sinks, prepare_dataset
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune_cli.authoring.augment import Variant, only_in_training
from finetune_cli.authoring.cleaning import Change, clean, fixed, nobody
from finetune_cli.authoring.improve import diverse, groups_of, select, trait_of
from finetune_cli.authoring.mending import mend
from finetune_cli.authoring.samples import sample
from finetune_cli.authoring.variants import RULES, variants

NOVA = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")
LLAMA = rules_for(base_model("meta.llama3-1-8b-instruct-v1:0:128k"), "FINE_TUNING")


def jsonl(values: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def source(data: bytes, suffix: str = ".jsonl") -> Callable[[], Source]:
    return lambda: Source([data], suffix)


def pair(number: int) -> dict[str, str]:
    return {"prompt": f"Question number {number}?", "completion": f"The answer is {number}."}


def turns(*roles_and_texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": role, "content": text}
            for role, text in zip(roles_and_texts[::2], roles_and_texts[1::2], strict=True)
        ]
    }


def fix(values: Iterable[Any], rules: DatasetRules = NOVA) -> tuple[list[Any], list[Change]]:
    changes: list[Change] = []
    lines = list(fixed(source(jsonl(values)), rules, changes.append, mend))
    return [json.loads(line) for line in lines], changes


def test_every_line_is_written_or_has_a_change() -> None:
    values = [pair(1), pair(2), {"prompt": "x"}, pair(1), 7, {"prompt": "User: hi", "completion": "ho"}]
    kept, changes = fix(values)
    assert len(kept) == 2
    assert [(change.line, change.action, change.code) for change in changes] == [
        (3, "removed", "missing-key"),
        (4, "removed", "duplicate-record"),
        (5, "removed", "not-an-object"),
        (6, "removed", "reserved-string"),
        (None, "converted", "prompt-completion"),
    ]


def test_what_is_written_passes_the_check_and_keeps_its_order() -> None:
    values = [pair(number) for number in range(40)] + [turns("user", "Hi, you?", "assistant", "Good.")]
    kept, _ = fix(values)
    assert check_dataset([jsonl(kept)], suffix=".jsonl", rules=NOVA).accepted
    assert [record["messages"][0]["content"][0]["text"] for record in kept[:40]] == [
        f"Question number {number}?" for number in range(40)
    ]


def test_a_record_of_the_rarer_shape_goes_where_the_base_model_wants_one_shape() -> None:
    with_system = {**turns("user", "a?", "assistant", "b"), "system": "Be kind."}
    kept, changes = fix([pair(1), pair(2), with_system])
    assert len(kept) == 2
    assert changes[0] == Change(3, "removed", "section-not-in-all", "has the section 'system', unlike most records")
    kept, changes = fix([pair(1), pair(2), with_system], LLAMA)
    assert len(kept) == 3


def test_slips_of_conversations_are_mended_and_said() -> None:
    slips = [
        turns("user", "one", "user", "two", "assistant", "three"),
        {"schemaVersion": "2024", **turns("user", "four", "assistant", "five")},
        {
            "mapping": {
                "r": {"parent": None, "message": None},
                "s": {"parent": "r", "message": {"author": {"role": "system"}, "content": {"parts": [""]}}},
                "u": {"parent": "s", "message": {"author": {"role": "user"}, "content": {"parts": ["six"]}}},
                "x": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"parts": ["no"]}}},
                "a": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"parts": ["seven"]}}},
            },
            "current_node": "a",
        },
    ]
    kept, changes = fix(slips)
    texts = [[turn["content"][0]["text"] for turn in record["messages"]] for record in kept]
    assert texts == [["one\n\ntwo", "three"], ["four", "five"], ["six", "seven"]]
    said = Counter((change.line, change.code) for change in changes if change.action == "changed")
    assert said[1, "roles-not-alternating"] == said[2, "schema-version"] == said[3, "unknown-format"] == 1
    assert said[2, "wrong-type"] == 2


@pytest.mark.parametrize(
    "value",
    [
        {"mapping": {"a": {"parent": "a", "message": None}}, "current_node": "a"},
        {"mapping": {"a": 1}, "current_node": "a"},
        {"mapping": {}, "current_node": ["a"]},
        {"mapping": {"a": {"message": {"author": "x", "content": {"parts": [1]}}}}, "current_node": "a"},
        {"messages": [1, None, {"role": "user"}, {"role": "user"}]},
        {"schemaVersion": None, "messages": [{"role": "user", "content": "x"}, "y"]},
        turns("user", "a", "tool", "b", "assistant", "c"),
        turns("user", "a", "assistant", "b", "user", "c"),
    ],
)
def test_what_cannot_be_mended_is_removed_with_its_reason(value: Any) -> None:
    kept, changes = fix([value])
    assert kept == []
    assert [(change.line, change.action) for change in changes] == [(1, "removed")]


def test_mending_does_not_touch_the_value() -> None:
    value = {"schemaVersion": "x", **turns("user", "a", "user", "b", "assistant", "c")}
    before = json.dumps(value)
    mend(value)
    assert json.dumps(value) == before


def test_a_file_that_is_none_is_one_change() -> None:
    changes: list[Change] = []
    assert list(clean(Source([b"\x1f\x8b"], ".jsonl"), NOVA, changes.append)) == []
    assert [(change.line, change.code) for change in changes] == [(None, "not-a-text-file")]


def records_of(values: Iterable[Any]) -> list[tuple[Place, Record]]:
    return list(clean(Source([jsonl(values)], ".jsonl"), NOVA, nobody))


def test_a_limited_sample_prefers_what_differs() -> None:
    alike = [
        {"prompt": f"Where is my parcel number {n} please tell me now?", "completion": f"In depot {n}."}
        for n in range(50)
    ]
    others = [
        {"prompt": "How tall can a sunflower grow in shade?", "completion": "Two metres at most."},
        {"prompt": "Name a verb that means to walk slowly.", "completion": "To amble."},
        {"prompt": "Which spices go into a Thuringian dumpling?", "completion": "Nutmeg alone."},
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of([*alike, *others])]
    changes: list[Change] = []
    selection = select(traits, changes.append, limit=4)
    kept = {place.line for place in selection.places}
    assert {51, 52, 53} <= kept
    assert len(kept) == 4
    assert {change.line for change in changes} == set(range(1, 54)) - kept


def test_a_sample_does_not_depend_on_the_order_of_the_records() -> None:
    lines = list(sample(300, "prompt_completion", 3))
    chosen = []
    for order in (lines, lines[::-1]):
        found = list(clean(Source([b"\n".join(order)], ".jsonl"), LLAMA, nobody))
        traits = [trait_of(place, record, 7) for place, record in found]
        chosen.append({found[position][1].texts[0] for position in diverse(traits, 40)})
    assert chosen[0] == chosen[1]


def test_labels_are_capped_each() -> None:
    values = [
        {"prompt": f"Message {n} about {'money' if n % 5 else 'love'}", "completion": "spam" if n % 5 else "ham"}
        for n in range(100)
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of(values)]
    changes: list[Change] = []
    selection = select(traits, changes.append, balance=30)
    kept = Counter(values[place.line - 1]["completion"] for place in selection.places)
    assert kept == {"spam": 30, "ham": 20}
    assert sorted(selection.room.values()) == [0, 10]
    assert all("records have the answer of line 2, of which 30 are kept" in change.message for change in changes)


def test_topics_are_capped_where_answers_all_differ() -> None:
    topics = ["delivery", "invoice", "warranty", "password", "bicycle", "returns"]
    values = [
        {"prompt": f"Tell me more on the {topic} of order {n}", "completion": f"Answer {topic} {n}"}
        for topic in topics
        for n in range(30 if topic == "delivery" else 60)
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of(values)]
    kind, groups = groups_of(traits)
    assert (kind, len(set(groups))) == ("topic", 6)
    assert len(select(traits, nobody, balance=40).places) == 30 + 5 * 40


def question(text: str, *before: str) -> Record:
    record = of_texts("prompt-completion", None, text, "It depends.")
    if before:
        first = of_texts("prompt-completion", None, *before)
        return Record("openai-chat", None, [*first.messages, *record.messages], [*first.texts, *record.texts])
    return record


@pytest.mark.parametrize(
    ("number", "prompt", "varied"),
    [
        (0, "What is the plan if it does not rain?", "What's the plan if it doesn't rain?"),
        (1, "Is the station far from the market?", "Is the sttaion far from the market?"),
        (2, "Is the station far from it?", "Hello, Is the station far from it?"),
        (3, "Is the station far from it?", "Is the station far from it? Thanks!"),
    ],
)
def test_each_rule_asks_the_same_in_other_words(number: int, prompt: str, varied: str) -> None:
    [(line, record, variant, rule)] = variants([(9, question(prompt), number)], set())
    assert (line, rule) == (9, list(RULES)[number])
    assert variant.texts == [varied, "It depends."]
    assert variant.messages[0]["content"] == [{"text": varied}]
    assert variant.messages[1:] == record.messages[1:]
    assert record.texts[0] == prompt


def test_a_question_is_varied_before_its_picture_too() -> None:
    asked = question("Is the station far from it?")
    picture = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
    asked.messages[0]["content"].append(picture)
    [(_, _, variant, _)] = variants([(1, asked, 3)], set())
    assert variant.messages[0]["content"] == [{"text": "Is the station far from it? Thanks!"}, picture]
    assert variant.texts == ["Is the station far from it? Thanks!", "It depends."]
    asked.messages[0]["content"], asked.texts = [picture], ["It depends."]
    assert not list(variants([(1, asked, 3)], set()))


def test_nobody_greets_in_the_middle_of_a_conversation() -> None:
    later = question("And is it far from the sea?", "Is it hot?", "Yes.")
    found = [rule for _, _, _, rule in variants([(1, later, number) for number in range(40)], set())]
    assert found
    assert "a greeting" not in found


def test_a_variant_is_no_prompt_that_is_there_already() -> None:
    made = list(variants([(1, question("Is it far to the sea?"), number) for number in range(400)], set()))
    prompts = [variant.texts[0] for _, _, variant, _ in made]
    assert len(prompts) == len(set(prompts)) > 4


def test_what_has_no_question_has_no_variant() -> None:
    assert not list(variants([(1, Record("text", None, [], ["Some passage of text."]), 2)], set()))


def test_no_variant_and_no_source_of_one_is_held_out() -> None:
    shares = Shares(validation=0.1, evaluation=0.1)
    originals = [line + b"\n" for line in sample(200, "conversation", 5)]
    records = [(place, record, place.line) for place, record in clean(Source(originals, ".jsonl"), NOVA, nobody)]

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
