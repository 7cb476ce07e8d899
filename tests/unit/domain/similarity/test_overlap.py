"""A set asks a prompt when it has it but for case and punctuation, or nearly; a template alone says nothing."""

from __future__ import annotations

import pytest

from finetune.domain.similarity.identity import normalised
from finetune.domain.similarity.overlap import Asked, Overlap, alike

LONG = (
    "Our parcel with the blue lamp was sent back to you in March because the shade was broken, and we have heard "
    "nothing about the refund since then; when can we expect the money on our account"
)
OTHERS = ["How do I reset my password", "What does an upgrade to the larger plan cost a year", "Where is the invoice"]


def asked(prompt: str, answer: str | None = None) -> Asked:
    return Asked(normalised(prompt), None if answer is None else normalised(answer))


@pytest.mark.parametrize(
    ("prompt", "held"),
    [
        (LONG, True),
        (LONG.upper() + "?", True),
        (LONG.replace("blue", "green"), True),
        (" ".join(sorted(LONG.split())), False),
        ("When can we expect the money on our account", False),
        ("Where is the lamp", False),
    ],
)
def test_a_set_holds_a_prompt_and_what_nearly_equals_it(prompt: str, held: bool) -> None:
    index = Overlap(map(asked, [*OTHERS, LONG]))
    assert index.holds(asked(prompt)) is held
    assert index.matching(asked(prompt)) == ({3} if held else set())


TEMPLATE = "Say in one word which mood this review is written in: "


def templated(start: int, end: int, template: str = TEMPLATE) -> list[Asked]:
    return [asked(f"{template}number {n}", f"mood {n}") for n in range(start, end)]


def test_prompts_that_share_a_template_ask_different_things() -> None:
    index = Overlap(templated(0, 40))
    assert index.holds(asked(f"{TEMPLATE}number 7"))
    assert not index.holds(asked(f"{TEMPLATE}nobody came", "mood 99"))


@pytest.mark.parametrize(("answer", "held"), [("mood 7", True), (None, True), ("another mood", False)])
def test_wordings_of_a_template_are_the_same_question_unless_the_answers_are_known_to_differ(
    answer: str | None, held: bool
) -> None:
    other = TEMPLATE.replace("one", "two")
    index = Overlap([*templated(0, 20), *templated(20, 40, other)])
    assert index.holds(asked(f"{other}number 7", answer)) is held


def test_questions_that_are_alike_by_way_of_others_stand_for_one() -> None:
    words = LONG.split()
    first, last = (" ".join([*words[:n], "other", *words[n + 1 :]]) for n in (3, 30))
    others = [f"{n} apples and {n * 7} pears" for n in range(40)]
    found = alike(list(map(asked, [first, *others, LONG, last, OTHERS[0], OTHERS[0].upper()])))
    assert found == [0, *range(1, 41), 0, 0, 43, 43]
    assert alike([]) == []


def test_an_empty_set_holds_nothing() -> None:
    assert not Overlap([]).holds(asked(LONG))
