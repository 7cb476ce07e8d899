"""Whether a difference is real: the test of the mean, its interval, and how many items it takes."""

from __future__ import annotations

import math
import random

import pytest

from finetune.domain.evaluation import significance


def test_the_interval_is_close_to_students_for_normal_differences() -> None:
    chosen = random.Random(4)  # noqa: S311 - a repeatable sample
    differences = [chosen.gauss(0.1, 0.3) for _ in range(200)]
    interval = significance.interval(differences)
    mean = sum(differences) / 200
    half = 1.972 * (sum((d - mean) ** 2 for d in differences) / 199 / 200) ** 0.5
    assert interval.low == pytest.approx(mean - half, abs=0.006)
    assert interval.high == pytest.approx(mean + half, abs=0.006)


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1.0), (5, 0, 1 / 32), (0, 5, 1.0), (4, 1, 6 / 32), (900, 0, 2.0**-900)]
)
def test_the_sign_test_is_exact(better: int, worse: int, p: float) -> None:
    assert significance.sign_test(better, worse) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(("better", "worse"), [(12, 4), (30, 10), (80, 61)])
def test_for_answers_right_or_wrong_the_test_is_mid_p(better: int, worse: int) -> None:
    found = [1.0] * better + [-1.0] * worse + [0.0] * 20
    changed = better + worse
    exact = significance.sign_test(better, worse)
    mid = exact - math.comb(changed, better) / 2**changed / 2
    assert significance.p_value(found) == pytest.approx(mid)
    assert significance.p_value(found, beyond=1e-6) == pytest.approx(max(mid, exact / 1.2), rel=0.01)


@pytest.mark.parametrize(("gain", "loss", "lost", "items"), [(0.05, 0.95, 1, 60), (0.1, 0.9, 4, 90), (0.2, 0.8, 9, 80)])
def test_for_rare_losses_of_one_size_the_test_is_exact_but_for_what_it_allows(
    gain: float, loss: float, lost: int, items: int
) -> None:
    share = gain / (gain + loss)
    exact = sum(math.comb(items, k) * share**k * (1 - share) ** (items - k) for k in range(lost + 1))
    p = significance.p_value([gain] * (items - lost) + [-loss] * lost)
    assert exact / 1.2 * 0.99 <= p <= exact


@pytest.mark.parametrize(("gain", "items"), [(0.05, 40), (0.1, 50), (0.3, 12)])
def test_small_gains_alone_may_hide_losses_that_were_not_seen(gain: float, items: int) -> None:
    assert significance.p_value([gain] * items) == pytest.approx((1 + gain) ** -items, rel=1e-6)


@pytest.mark.parametrize("beyond", [-0.02, -0.05, -0.1, -0.2, -0.25, -0.5, -0.9, -0.999, -1.0])
def test_a_mean_above_all_that_can_be_lost_has_a_p_value(beyond: float) -> None:
    for items in (*range(1, 20), *range(20, 401, 20)):
        for gained in {*range(0, items + 1, max(1, items // 16)), items}:
            found = [1.0] * gained + [0.0] * (items - gained)
            assert 0 <= significance.p_value(found, beyond=beyond) <= 1
    assert 0 <= significance.p_value([x / 300 for x in range(301)], beyond=beyond) <= 1


def test_no_change_at_all_is_no_evidence() -> None:
    assert significance.p_value([0.0] * 30) == 1.0


@pytest.mark.parametrize("differences", [[1.0] * 20, [-1.0] * 20, [0.0] * 40, [0.05] * 40, [0.0] * 39 + [1.0]])
def test_no_interval_has_width_zero(differences: list[float]) -> None:
    interval = significance.interval(differences)
    assert interval.low <= interval.mean <= interval.high
    assert interval.high - interval.low > 0.05
    assert interval.low >= -1
    assert interval.high <= 1


def test_the_interval_holds_what_the_test_does_not_refute() -> None:
    chosen = random.Random(8)  # noqa: S311 - a repeatable sample
    differences = [chosen.choice((-0.5, 0.0, 0.25, 1.0)) for _ in range(60)]
    interval = significance.interval(differences)
    assert significance.p_value(differences, beyond=interval.low) == pytest.approx(0.025, rel=0.02)
    assert significance.p_value([-each for each in differences], beyond=-interval.high) == pytest.approx(
        0.025, rel=0.02
    )


def test_many_different_scores_are_tested_like_few() -> None:
    chosen = random.Random(5)  # noqa: S311 - a repeatable sample
    few = [chosen.randint(-90, 100) / 100 for _ in range(900)]
    many = [max(-1.0, min(1.0, each + chosen.gauss(0, 1e-4))) for each in few]
    assert significance.p_value(many) == pytest.approx(significance.p_value(few), rel=0.1)


def test_items_of_one_group_have_one_vote() -> None:
    assert significance.votes([1.0, 1.0, -1.0, 0.0, 0.5], "aabbc") == [1.0, -0.5, 0.5]
    assert significance.votes([1.0, -1.0]) == [1.0, -1.0]
