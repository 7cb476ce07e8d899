"""How often the rule that compares two models is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from finetune.domain.evaluation.comparison import compare
from tests.sizes import sized

Pairs = list[tuple[float, float]]
# The rates lie far enough from what is asked that a tenth of the runs shows most mistakes of the rule.
RUNS = sized(200, full=2_000)


def keyword_pairs(chosen: random.Random, items: int, gain: float) -> Pairs:
    """Recall of three keywords for items of varied difficulty, the second contestant better by `gain` on each."""

    def recall(chance: float) -> float:
        return sum(chosen.random() < chance for _ in range(3)) / 3

    difficulties = (min(0.98, max(0.02, chosen.gauss(0.5, 0.3))) for _ in range(items))
    return [(recall(chance), recall(min(1.0, chance + gain))) for chance in difficulties]


def right_or_wrong_pairs(chosen: random.Random, items: int, gain: float) -> Pairs:
    """Right or wrong answers, of which a fifth differ between the contestants."""
    outcomes = [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    return chosen.choices(outcomes, weights=[0.1 + gain / 2, 0.1 - gain / 2, 0.8], k=items)


def many_small_gains_and_few_large_losses(chosen: random.Random, items: int, gain: float) -> Pairs:
    """A slightly better form for nearly every item, and one item in twenty lost: on average nothing."""
    return chosen.choices([(0.5, 0.52), (0.5, 0.12)], weights=[0.95 + gain, 0.05 - gain], k=items)


def five_items_of_each_question(chosen: random.Random, items: int, gain: float) -> Pairs:
    """Right or wrong answers, the same to all five wordings of a question."""
    return [pair for pair in right_or_wrong_pairs(chosen, items // 5, gain) for _ in range(5)]


def share_better(
    make: Callable[[random.Random, int, float], Pairs], items: int, gain: float, resamples: int, wordings: int = 1
) -> float:
    chosen = random.Random(f"{make.__name__}/{items}/{gain}")  # noqa: S311 - a repeatable simulation

    def runs() -> Iterator[bool]:
        for seed in range(RUNS):
            yield compare(
                make(chosen, items, gain),
                against="base",
                title="Keyword recall",
                minimum_gain=0,
                confidence=0.95,
                seed=seed,
                groups=[number // wordings for number in range(items)],
                resamples=resamples,
            ).better

    return sum(runs()) / RUNS


@pytest.mark.parametrize("make", [keyword_pairs, right_or_wrong_pairs, many_small_gains_and_few_large_losses])
def test_without_a_difference_at_most_3_percent_of_the_runs_are_called_better(
    make: Callable[[random.Random, int, float], Pairs],
) -> None:
    assert share_better(make, items=30, gain=0.0, resamples=200) <= 0.03


def test_wordings_of_one_question_do_not_make_chance_look_like_a_gain() -> None:
    assert share_better(five_items_of_each_question, items=60, gain=0.0, resamples=150, wordings=5) <= 0.03
    assert share_better(five_items_of_each_question, items=60, gain=0.0, resamples=150) > 0.03


def test_a_real_gain_of_10_points_on_200_items_is_found_in_at_least_90_percent_of_the_runs() -> None:
    assert share_better(keyword_pairs, items=200, gain=0.1, resamples=120) >= 0.9
