"""Facts: what a text states that can be right or wrong."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.facts import facts_of, right_facts

REFERENCE = (
    "Send it to Cardiff by 3 March 2026 with code AB-1234, it costs \u00a37.95. See https://shop.example/returns."
)


def test_numbers_dates_amounts_codes_links_and_names_are_facts() -> None:
    found = facts_of(REFERENCE)
    assert found.exact == {"2026-3-3", "ab-1234", "7.95 gbp", "shop.example/returns"}
    assert found.names == {"cardiff"}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (REFERENCE, 1.0),
        ("To Cardiff, 2026-03-03, AB-1234, 7.95 pounds, shop.example/returns", 0.9),
        ("I do not know.", 0.5),
        ("Send it to Leeds by 4 May 2027 with code XY-9, it costs \u00a31.", 0.0),
        ("It costs \u00a37.95.", 0.6),
        ("It costs \u20ac7.95.", 0.0),
    ],
)
def test_a_fact_counts_in_every_spelling_and_an_invented_one_costs(text: str, score: float) -> None:
    assert right_facts(text, [REFERENCE], "") == pytest.approx(score, abs=0.11)


def test_what_the_question_says_is_no_invention() -> None:
    assert right_facts("For 12 items you have sixty days.", ["You have 60 days."], "How long for 12 items?") == 1.0


def test_the_nearest_of_several_references_counts() -> None:
    assert right_facts("It is 3 pm.", ["At 15:00.", "At 3 pm."], "") == 1.0
