"""Items that a contestant learned by heart are found and left out, others are not."""

from __future__ import annotations

import json
from itertools import product

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem, Turn, questions
from finetune.domain.json_lines import from_jsonl
from finetune.domain.staging.leaks import Leak, leaks, without
from finetune.domain.validation.rules import rules_for

RULES = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")
LONG = "How long do I have to send back an unused tent that I bought in your shop in March this year?"


def item(number: int, *turns: str, answer: str = "x") -> EvaluationItem:
    messages = tuple(Turn(role=("user", "assistant")[n % 2], text=text) for n, text in enumerate(turns))
    return EvaluationItem(id=f"i{number}", line=number, messages=messages, reference=answer)


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


def found(*training: bytes) -> list[tuple[str, str]]:
    return [(leak.id, leak.likeness) for leak in leaks(ITEMS, [("candidate", training)])]


def test_an_item_in_the_training_data_is_found_exactly_normalised_and_nearly_and_says_which() -> None:
    assert found(line(LONG, "60 days.")) == [("i1", "exact")]
    assert found(line("when do  you open", "At nine."), b"") == [("i2", "normalised")]
    assert found(line(LONG.replace("March", "April"), "60 days.")) == [("i1", "near")]
    assert found(line("Do you sell skis?", "Yes.", "And boots?", "Also."), line(LONG, "x", system="Be brief.")) == [
        ("i1", "exact"),
        ("i3", "exact"),
    ]


MADE = "In which room does the museum keep the {} {} {} the family gave us in the {} of last year?"
SLOTS = list(product(("amber", "brisk", "coral", "dusty", "early"), ("anchor", "barrel", "candle", "drawer", "engine")))


def test_questions_made_from_one_template_are_told_apart_by_what_fills_it_and_not_by_words_of_the_template() -> None:
    ways = [(word, season) for word in ("that", "which") for season in ("spring", "autumn")] * 7
    made = [
        item(number, MADE.format(*slots, *way)) for number, (slots, way) in enumerate(zip(SLOTS, ways, strict=False))
    ]
    twin = line(MADE.format("amber", "anchor", "which", "spring"), "x")
    assert [(leak.id, leak.likeness) for leak in leaks(made, [("candidate", [twin])])] == [("i0", "near")]
    others = [("amber", "feather"), ("giant", "anchor"), ("giant", "hammer")]
    assert leaks(made, [("candidate", [line(MADE.format(*each, "that", "spring"), "x") for each in others])]) == ()


def test_one_rare_word_makes_another_question_of_a_short_one() -> None:
    isles = [item(number, f"Do you ship to the isle of {name}?") for number, name in enumerate(("man", "skye", "bute"))]
    assert leaks(isles, [("candidate", [line("Do you ship to the isle of wight?", "x")])]) == ()


def test_of_several_lines_the_one_most_like_the_item_counts() -> None:
    near, normal, exact = LONG.replace("March", "April"), LONG.upper(), LONG
    assert found(line(near, "x"), line(normal, "x")) == [("i1", "normalised")]
    assert found(line(near, "x"), line(exact, "x"), line(normal, "x")) == [("i1", "exact")]


def test_what_is_only_alike_is_not() -> None:
    assert found(line("When do you close?", "At five."), line("Do you sell skis?", "Yes.")) == []
    assert found(b'{"broken": ', b"[1]", line("Which gloves are warm?", "These.")) == []


def test_a_leak_says_who_was_trained_on_it_and_among_equals_the_candidate() -> None:
    trained = line("When do you open?", "At nine.")
    both = leaks(ITEMS, [("candidate", [trained]), ("champion", [trained, line(LONG, "60 days.")])])
    assert both == (Leak("i1", 1, "champion", "exact"), Leak("i2", 2, "candidate", "exact"))


def test_leaks_are_listed_by_line_whatever_the_order_of_the_set() -> None:
    known = [line(turns.messages[0].text, "x") for turns in ITEMS[:2]]
    assert [leak.line for leak in leaks(ITEMS[::-1], [("candidate", known)])] == [1, 2]


def test_the_set_that_is_staged_has_what_is_left_and_nothing_when_nothing_is() -> None:
    staged, data = without(ITEMS, [Leak("i2", 2, "candidate", "near")], RULES)
    assert staged is not None
    assert [kept.id for kept in from_jsonl(data, EvaluationItem)] == ["i1", "i3", "i4"]
    assert (staged.records, staged.bytes) == (3, len(data))
    assert without(ITEMS, [Leak(each.id, each.line, "champion", "near") for each in ITEMS], RULES) == (None, b"")


def test_words_that_many_prompts_have_make_another_question_where_the_answer_is_another() -> None:
    price = "A customer in {} asks politely what the price of the {} is, please answer him in one short sentence."
    towns = ("Bergen", "Oslo", "Tromso", "Bodo", "Moss", "Molde")
    goods = ("tent", "stove", "lamp", "rope", "boot", "map", "glove", "pack", "knife", "axe")
    asked = [
        item(number, price.format(*slots), answer=f"{number} crowns")
        for number, slots in enumerate(product(towns, goods), 1)
    ]
    assert len(set(questions(asked).values())) == 60
    other_town = line(price.format("Oslo", "tent"), "1 crowns"), line(price.format("Oslo", "stove"), "99 crowns")
    assert [leak.id for leak in leaks(asked[:10] + asked[11:], [("candidate", other_town)])] == ["i1", "i12"]
