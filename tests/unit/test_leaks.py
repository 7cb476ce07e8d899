"""Items that a contestant learned by heart are found and left out, others are not."""

from __future__ import annotations

import json

from finetune.domain.catalog import base_model
from finetune.domain.dataset import rules_for
from finetune.domain.evaluation_set import EvaluationItem, Turn, from_jsonl
from finetune.domain.leaks import Leak, leaks, without

RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")
LONG = "How long do I have to send back an unused tent that I bought in your shop in March this year?"


def item(number: int, *turns: str) -> EvaluationItem:
    messages = tuple(Turn(role=("user", "assistant")[n % 2], text=text) for n, text in enumerate(turns))
    return EvaluationItem(id=f"i{number}", line=number, messages=messages, reference="x")


def line(*turns: str, system: str | None = None) -> bytes:
    messages = [{"role": ("user", "assistant")[n % 2], "content": [{"text": text}]} for n, text in enumerate(turns)]
    head = {"schemaVersion": "bedrock-conversation-2024"} | ({"system": [{"text": system}]} if system else {})
    return json.dumps({**head, "messages": messages}).encode()


ITEMS = [
    item(1, LONG),
    item(2, "When do you open?"),
    item(3, "Do you sell skis?", "Yes.", "And boots?"),
    item(4, "Which gloves are warm enough for a winter on a fishing boat off the coast of Norway?"),
]


def found(*training: bytes) -> list[str]:
    return [leak.id for leak in leaks(ITEMS, [("candidate", training)])]


def test_an_item_in_the_training_data_is_found_exactly_normalised_and_nearly() -> None:
    assert found(line(LONG, "60 days.")) == ["i1"]
    assert found(line("when do  you open", "At nine."), b"") == ["i2"]
    assert found(line(LONG.replace("March", "April"), "60 days.")) == ["i1"]
    assert found(line("Do you sell skis?", "Yes.", "And boots?", "Also."), line(LONG, "x", system="Be brief.")) == [
        "i1",
        "i3",
    ]


def test_what_is_only_alike_is_not() -> None:
    assert found(line("When do you close?", "At five."), line("Do you sell skis?", "Yes.")) == []
    assert found(b'{"broken": ', b"[1]", line("Which gloves are warm?", "These.")) == []


def test_a_leak_says_who_was_trained_on_it_and_the_candidate_comes_first() -> None:
    trained = line("When do you open?", "At nine.")
    both = leaks(ITEMS, [("candidate", [trained]), ("champion", [trained, line(LONG, "60 days.")])])
    assert both == (Leak("i1", 1, "champion"), Leak("i2", 2, "candidate"))


def test_the_set_that_is_staged_has_what_is_left_and_nothing_when_nothing_is() -> None:
    staged, data = without(ITEMS, [Leak("i2", 2, "candidate")], RULES)
    assert staged is not None
    assert [kept.id for kept in from_jsonl(data)] == ["i1", "i3", "i4"]
    assert (staged.records, staged.bytes) == (3, len(data))
    assert without(ITEMS, [Leak(each.id, each.line, "champion") for each in ITEMS], RULES) == (None, b"")
