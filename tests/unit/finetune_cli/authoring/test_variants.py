"""Variants of prompts: the same question in other words, never one that is there already."""

from __future__ import annotations

import pytest

from finetune.domain.records.record import Record, of_texts
from finetune_cli.authoring.variants import RULES, variants


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
