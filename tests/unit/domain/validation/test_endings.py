"""Answers that are cut off in the middle of a sentence, and those that only end without a full stop."""

import pytest

from tests.unit.domain.validation.test_lint import warned

WHOLE = [(f"what of {n}", f"The door number {n} of the house is open all day, and nobody minds.") for n in range(30)]


@pytest.mark.parametrize(
    "cut",
    [
        "The door of the cellar is closed, because the man with the",
        "It is closed. The door of the house stays open all",
        "The windows of the house, the doors of the cellar,",
    ],
)
def test_a_sentence_that_does_not_end_is_found(cut: str) -> None:
    assert warned(*WHOLE, ("and the cellar", cut)) == {"cut-answer": [31]}


@pytest.mark.parametrize(
    "whole",
    [
        "The door is open all day, and nobody minds.\n\nKind regards,\nAnna",
        "The door is open all day. Yours sincerely, Anna Example",
        "These doors are open all day:\n- the one of the cellar and the",
        "The door is open all day, as you read at https://example.com/door",
        "for door in house:\n    if door.open: count = count + the",
        "The door is open all day, and nobody minds that (really)",
    ],
)
def test_signatures_lists_links_and_programs_end_as_they_like(whole: str) -> None:
    assert warned(*WHOLE, ("and the cellar", whole)) == {}


def test_answers_of_one_length_that_no_other_exceeds_are_cut_there() -> None:
    free = [(asked, answer.rstrip(".")) for asked, answer in WHOLE]
    ends = "cellar garden window garage office museum".split()  # noqa: SIM905 - six words of six letters
    long = [
        (f"and {n}", f"Somebody who was there says that door number {n} opens to the old {end}")
        for n, end in enumerate(ends)
    ]
    assert warned(*free, *long)["cut-answer"] == list(range(31, 37))


def test_answers_without_a_full_stop_are_a_style_where_most_have_none() -> None:
    assert warned(*((asked, answer.rstrip(".")) for asked, answer in WHOLE)) == {}


def test_one_answer_that_is_given_often_counts_once() -> None:
    same = [(f"why {n}", "I do not know that, please ask somebody else about it") for n in range(3)]
    assert warned(*((asked, answer.rstrip(".")) for asked, answer in WHOLE), *same) == {}
