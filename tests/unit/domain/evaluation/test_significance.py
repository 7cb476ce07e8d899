"""Whether a difference is real: the tests of significance, and how often the rule that uses them is wrong."""

import random
from collections.abc import Callable, Iterator

import pytest

from finetune.domain.evaluation import significance
from finetune.domain.evaluation.comparison import compare, guard

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
def test_without_a_difference_at_most_3_percent_of_2000_runs_are_called_better(
    make: Callable[[random.Random, int, float], Pairs],
) -> None:
    assert share_better(make, items=30, gain=0.0, resamples=200) <= 0.03


def test_wordings_of_one_question_do_not_make_chance_look_like_a_gain() -> None:
    assert share_better(five_items_of_each_question, items=60, gain=0.0, resamples=150, wordings=5) <= 0.03
    assert share_better(five_items_of_each_question, items=60, gain=0.0, resamples=150) > 0.03


def test_a_real_gain_of_10_points_on_200_items_is_found_in_at_least_90_percent_of_2000_runs() -> None:
    assert share_better(keyword_pairs, items=200, gain=0.1, resamples=120) >= 0.9


def test_the_interval_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    differences = [difference / 10 for difference in range(-4, 8)] * 4
    found = significance.clusters(differences)
    one, again, other = (significance.bootstrap_interval(found, seed=seed) for seed in ("a", "a", "b"))
    assert one == again != other
    assert one.low < one.mean < one.high


def test_the_interval_is_close_to_students_for_normal_differences() -> None:
    chosen = random.Random(4)  # noqa: S311 - a repeatable sample
    differences = [chosen.gauss(0.1, 0.3) for _ in range(100)]
    interval = significance.bootstrap_interval(significance.clusters(differences), seed="x")
    mean = sum(differences) / 100
    half = 1.984 * (sum((d - mean) ** 2 for d in differences) / 99 / 100) ** 0.5
    assert interval.low == pytest.approx(mean - half, abs=0.01)
    assert interval.high == pytest.approx(mean + half, abs=0.01)


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1.0), (5, 0, 1 / 32), (0, 5, 1.0), (4, 1, 6 / 32), (900, 0, 2.0**-900)]
)
def test_the_sign_test_is_exact(better: int, worse: int, p: float) -> None:
    assert significance.sign_test(better, worse) == pytest.approx(p, rel=1e-12)


def test_the_test_of_the_mean_is_the_sign_test_for_answers_right_or_wrong() -> None:
    found = significance.clusters([1.0] * 12 + [-1.0] * 4 + [0.0] * 20)
    p = significance.mean_test(found, seed="x", resamples=20_000)
    assert p == pytest.approx(significance.sign_test(12, 4), abs=0.005)


def test_the_loss_that_is_allowed_for_is_as_large_as_the_largest_group() -> None:
    gains = [significance.Cluster(1.0, 1)] * 6
    p, beside_a_large_tie = (
        significance.mean_test(found, seed="x", resamples=20_000)
        for found in (gains, [*gains, significance.Cluster(0.0, 8)])
    )
    assert p == pytest.approx(1 / 64, abs=0.003)
    assert beside_a_large_tie > 0.3


def test_no_change_at_all_is_no_evidence() -> None:
    assert significance.mean_test(significance.clusters([0.0] * 30), seed="x") == 1.0


def test_items_of_one_group_are_one_piece_of_evidence() -> None:
    alone = significance.clusters([1.0, -1.0, 0.5])
    together = significance.clusters([1.0, 1.0, -1.0, -1.0, 0.5, 0.5], "aabbcc")
    one, other = (significance.bootstrap_interval(found, seed="x") for found in (alone, together))
    assert one == other


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


def test_where_the_interval_shows_a_gain_and_the_test_does_not_the_test_is_named() -> None:
    pairs = [(0.0, 1.0)] * 5 + [(1.0, 1.0)] * 25
    verdict = compare(pairs, against="base", title="Label accuracy", minimum_gain=0, confidence=0.95, seed=7)
    assert verdict.difference.low > 0
    assert verdict.reason.endswith("which may be chance by the test of the mean (p 3.1%, 2.5% allowed).")


@pytest.mark.parametrize(("lost", "passed"), [(3, True), (4, False)])
def test_a_guard_breaks_when_a_fall_is_both_large_and_no_chance(lost: int, passed: bool) -> None:
    pairs = [(1.0, 0.0)] * lost + [(1.0, 1.0)] * (20 - lost)
    verdict = guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9)
    assert verdict.passed is passed


def test_a_guard_holds_while_the_fall_is_within_its_tolerance() -> None:
    pairs = [(1.0, 0.0)] * 9 + [(1.0, 1.0)] * 991
    assert guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9).passed


def test_a_fall_that_may_be_chance_is_not_called_worse() -> None:
    pairs = [(1.0, 0.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.difference.high < 0
    assert not verdict.fell
    assert verdict.reason.startswith("The custom model is no better than the base model")
    surely = compare(pairs * 3, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert surely.fell
    assert surely.reason.startswith("The custom model is worse than the base model")


def test_the_sentence_names_the_confidence_as_it_is_set() -> None:
    verdict = compare([(0.0, 1.0)] * 40, against="base", title="x", minimum_gain=0, confidence=0.999, seed=1)
    assert "(99.9% interval" in verdict.reason
