"""Whether a difference is real: the tests of significance, and how often the rule that uses them is wrong."""

import random
from collections.abc import Callable, Iterator

import pytest

from finetune.domain import significance
from finetune.domain.comparison import compare, guard

Pairs = list[tuple[float, float]]
RUNS = 2_000


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


def share_better(make: Callable[[random.Random, int, float], Pairs], items: int, gain: float, resamples: int) -> float:
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
                resamples=resamples,
            ).better

    return sum(runs()) / RUNS


@pytest.mark.parametrize("make", [keyword_pairs, right_or_wrong_pairs])
def test_without_a_difference_at_most_3_percent_of_2000_runs_are_called_better(
    make: Callable[[random.Random, int, float], Pairs],
) -> None:
    assert share_better(make, items=30, gain=0.0, resamples=300) <= 0.03


def test_a_real_gain_of_10_points_on_200_items_is_found_in_at_least_90_percent_of_2000_runs() -> None:
    assert share_better(keyword_pairs, items=200, gain=0.1, resamples=120) >= 0.9


def test_the_interval_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    differences = [difference / 10 for difference in range(-4, 8)] * 4
    one, again, other = (significance.bootstrap_interval(differences, seed=seed) for seed in ("a", "a", "b"))
    assert one == again != other
    assert one.low < one.mean < one.high


def test_the_interval_is_close_to_students_for_normal_differences() -> None:
    chosen = random.Random(4)  # noqa: S311 - a repeatable sample
    differences = [chosen.gauss(0.1, 0.3) for _ in range(100)]
    interval = significance.bootstrap_interval(differences, seed="x")
    mean = sum(differences) / 100
    half = 1.984 * (sum((d - mean) ** 2 for d in differences) / 99 / 100) ** 0.5
    assert interval.low == pytest.approx(mean - half, abs=0.01)
    assert interval.high == pytest.approx(mean + half, abs=0.01)


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1.0), (5, 0, 1 / 32), (0, 5, 1.0), (4, 1, 6 / 32), (900, 0, 2.0**-900)]
)
def test_the_sign_test_is_exact(better: int, worse: int, p: float) -> None:
    assert significance.sign_test(better, worse) == pytest.approx(p, rel=1e-12)


def test_the_permutation_test_of_equal_steps_is_the_sign_test() -> None:
    differences = [1.0] * 12 + [-1.0] * 4 + [0.0] * 20
    p = significance.sign_flip_test(differences, seed="x", resamples=20_000)
    assert p == pytest.approx(significance.sign_test(12, 4), abs=0.005)


def test_no_change_at_all_is_no_evidence() -> None:
    assert significance.sign_flip_test([0.0] * 30, seed="x") == 1.0


@pytest.mark.parametrize(("degrees", "quantile"), [(5, 2.5706), (19, 2.0930), (39, 2.0227), (199, 1.9720)])
def test_students_quantiles_match_the_printed_tables(degrees: int, quantile: float) -> None:
    assert significance._student_t(0.975, degrees) == pytest.approx(quantile, abs=5e-4)


def test_four_improvements_and_no_loss_among_twenty_are_still_chance() -> None:
    pairs = [(0.0, 1.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.difference.low > 0
    assert not verdict.better


def test_a_gain_below_the_required_one_is_not_enough() -> None:
    pairs = [(0.5, 0.54)] * 60 + [(0.5, 0.56)] * 60
    verdict = compare(pairs, against="base", title="Token F1", minimum_gain=0.1, confidence=0.95, seed=1)
    assert not verdict.better
    assert "not shown to be better than the base model by 10 points" in verdict.reason


def test_a_gain_that_may_be_chance_says_how_many_items_would_settle_it() -> None:
    pairs = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] * 5 + [(1.0, 1.0)] * 27
    verdict = compare(pairs, against="champion", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.reason.startswith(
        "The custom model is not shown to be better than the model in service: exact match"
    )
    assert verdict.reason.endswith("which may be chance; about 224 such items would settle it.")


@pytest.mark.parametrize(("lost", "passed"), [(3, True), (4, False)])
def test_a_guard_breaks_when_a_fall_is_both_large_and_no_chance(lost: int, passed: bool) -> None:
    pairs = [(1.0, 0.0)] * lost + [(1.0, 1.0)] * (20 - lost)
    verdict = guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9)
    assert verdict.passed is passed


def test_a_guard_holds_while_the_fall_is_within_its_tolerance() -> None:
    pairs = [(1.0, 0.0)] * 9 + [(1.0, 1.0)] * 991
    assert guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9).passed
