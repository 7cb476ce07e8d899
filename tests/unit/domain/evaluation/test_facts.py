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


@pytest.mark.parametrize(
    "date",
    [
        "5 March 2024",
        "March 5, 2024",
        "2024-03-05",
        "05.03.2024",
        "5. M\u00e4rz 2024",
        "5 mars 2024",
        "5 de marzo de 2024",
    ],
)
def test_a_date_is_the_same_in_every_spelling(date: str) -> None:
    assert facts_of(f"It is {date}.").exact == {"2024-3-5"}


def test_days_and_months_between_strokes_are_told_apart_where_they_can() -> None:
    assert facts_of("31/12/2024").exact == facts_of("12/31/2024").exact == {"2024-12-31"}


@pytest.mark.parametrize(
    ("said", "reference", "score"),
    [
        ("It is 5 miles.", "It is 5 km.", 0.0),
        ("It is 5 mg.", "It is 5 g.", 0.0),
        ("It is 5.", "It is 5 km.", 1.0),
        ("It is 1 day.", "Within 1 days.", 1.0),
        ("On 3 March.", "On 3 March 2026.", 0.5),
        ("On 4 March.", "On 3 March 2026.", 0.0),
        ("It takes 5 seconds.", "It takes 5 s.", 1.0),
        ("It weighs 3 lbs.", "It weighs 3 lb.", 1.0),
        ("It is 3 miles.", "It is 3 mi.", 1.0),
        ("On 3 March 2026.", "On 3 March.", 1.0),
    ],
)
def test_a_unit_and_a_year_belong_to_a_fact(said: str, reference: str, score: float) -> None:
    assert right_facts(said, [reference], "") == score
