"""Whether a difference is real: the interval of a mean, the sign test and the test of the mean."""

import random

import pytest

from finetune.domain.evaluation import significance


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
