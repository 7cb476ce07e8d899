"""Is a paired difference real? An interval says how large it is, tests say whether it can be chance.

What is drawn and tested are clusters: items that ask the same question count once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from operator import itemgetter
from random import Random
from statistics import NormalDist, stdev
from typing import NamedTuple

from finetune.frozen import Frozen

RESAMPLES = 2_000
SAME = 1e-9


class Interval(Frozen):
    """The mean of paired differences with a two-sided confidence interval, in the unit of the differences."""

    mean: float
    low: float
    high: float
    confidence: float


class Cluster(NamedTuple):
    """Differences that are no evidence of their own beside each other: their sum, and how many they are."""

    total: float
    size: int


def clusters(differences: Sequence[float], groups: Iterable[Hashable] = ()) -> tuple[Cluster, ...]:
    """The differences by group, in the order of the first of each; without groups each stands alone."""
    by_group: dict[Hashable, list[float]] = {}
    for difference, group in zip(differences, groups or range(len(differences)), strict=True):
        by_group.setdefault(group, []).append(difference)
    return tuple(Cluster(math.fsum(each), len(each)) for each in by_group.values())


def mean_of(drawn: Sequence[Cluster]) -> float:
    """The mean over the items of clusters."""
    total: float = sum(map(itemgetter(0), drawn))
    size: int = sum(map(itemgetter(1), drawn))
    return total / size


def bootstrap_interval(
    found: Sequence[Cluster], *, seed: str, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Percentile bootstrap interval of the mean (Efron 1979; paired: Koehn 2004), the same for the same seed.

    The percentiles are expanded for small samples (Hesterberg 2014, "expanded percentile interval"); plain ones are too
    narrow below about a hundred items. Needs at least two clusters.
    """
    count = len(found)
    draw = Random(seed).choices  # noqa: S311 - resampling, not cryptography; a verdict must be reproducible
    means = sorted(mean_of(draw(found, k=count)) for _ in range(resamples))
    tail = NormalDist().cdf(-math.sqrt(count / (count - 1)) * _student_t(1 - (1 - confidence) / 2, count - 1))
    index = int(tail * resamples)
    return Interval(mean=mean_of(found), low=means[index], high=means[-1 - index], confidence=confidence)


def mean_test(found: Sequence[Cluster], *, beyond: float = 0.0, seed: str, resamples: int = RESAMPLES) -> float:
    """One-sided p value of the true mean being at most `beyond`, for differences from -1 to 1 of any distribution.

    The bound of Gaffke (2005; Learned-Miller and Thomas 2019), by simulation: clusters get random weights, together
    with one more cluster of the largest size that lost everything. This allows for rare large losses that the sample
    does not show. For answers that are right or wrong it is the exact sign test. Counted so that p is never 0 (Davison
    and Hinkley 1997).
    """
    weigh = Random(seed).gammavariate  # noqa: S311 - resampling, not cryptography; a verdict must be reproducible
    above = Counter(total - beyond * size for total, size in found)
    above[(-1 - beyond) * max(size for _, size in found)] += 1
    # The weights of values that occur several times are drawn together.
    counted = [(value, float(count)) for value, count in above.items() if abs(value) > SAME]
    hits = sum(sum(value * weigh(count, 1.0) for value, count in counted) <= SAME for _ in range(resamples))
    return (1 + hits) / (resamples + 1)


def fewest_items(*, beyond: float = 0.0, confidence: float = 0.95) -> int | None:
    """How few items can show a mean above `beyond` if each gains 1; None when no number can.

    That is where `mean_test` allows it: of so many equal gains above `beyond` its p value is ((1 + beyond) / 2) ** n.
    """
    if beyond >= 1:
        return None
    return max(2, math.ceil(math.log((1 - confidence) / 2) / math.log((1 + beyond) / 2)))


def sign_test(better: int, worse: int) -> float:
    """One-sided exact p of at least so many better among the changed, if better and worse were equally likely."""
    changed = better + worse
    at_least = sum(math.comb(changed, k) for k in range(better, changed + 1))
    return at_least / (1 << changed)


def items_needed(found: Sequence[Cluster], *, beyond: float = 0.0, confidence: float = 0.95) -> int | None:
    """How many items like these would show a mean above `beyond` with this confidence; None when it is not above."""
    items = sum(size for _, size in found)
    mean = mean_of(found) - beyond
    if mean <= SAME:
        return None
    spread = stdev(total - beyond * size for total, size in found) * len(found) / items
    clusters_needed = (NormalDist().inv_cdf(1 - (1 - confidence) / 2) * spread / mean) ** 2
    return math.ceil(clusters_needed * items / len(found))


def _student_t(probability: float, degrees: int) -> float:
    """Quantile of Student's t from the normal one (Abramowitz and Stegun 26.7.5), to 3 digits from 5 degrees."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(degrees) ** power for power, term in enumerate(terms, 1))
