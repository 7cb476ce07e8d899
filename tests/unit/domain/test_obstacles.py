"""What kept a model from being evaluated, as far as its run knows."""

from __future__ import annotations

import pytest

from finetune.domain.obstacles import ALL_REFUSED, NO_ENDPOINT, NO_ITEMS, NO_TEXT, Obstacle, obstacle


@pytest.mark.parametrize(
    ("answers_text", "items", "refused", "expected"),
    [
        (True, 9, 0, NO_ENDPOINT),
        (True, 9, 3, NO_ENDPOINT),
        (True, 0, 3, ALL_REFUSED),
        (True, 0, 0, NO_ITEMS),
        (False, 9, 0, NO_TEXT),
        (False, 0, 0, NO_TEXT),
    ],
)
def test_the_obstacle_that_nothing_later_could_mend_comes_first(
    answers_text: bool, items: int, refused: int, expected: Obstacle
) -> None:
    assert obstacle(answers_text=answers_text, items=items, refused=refused) == expected


@pytest.mark.parametrize("one", [NO_ENDPOINT, NO_TEXT, NO_ITEMS, ALL_REFUSED])
def test_why_ends_a_sentence_and_advice_is_sentences_of_its_own(one: Obstacle) -> None:
    assert one.why[0].islower()
    assert not one.why.endswith(".")
    assert one.advice[0].isupper()
    assert one.advice.endswith(".")
