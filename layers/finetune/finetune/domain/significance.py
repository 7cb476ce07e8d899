"""Is a paired difference real? An interval says how large it is, exact tests say whether it can be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress
from random import Random
from statistics import NormalDist, fmean, stdev

from pydantic import BaseModel, ConfigDict

RESAMPLES = 2_000
SAME = 1e-9
_BITS = bytes.maketrans(b"01", b"\x00\x01")


class Interval(BaseModel):
    """The mean of paired differences with a two-sided confidence interval, in the unit of the differences."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    mean: float
    low: float
    high: float
    confidence: float


def bootstrap_interval(
    differences: Sequence[float], *, seed: str, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Percentile bootstrap of the mean over items (Efron 1979, paired: Koehn 2004), the same for the same seed.

    The percentiles are those of Hesterberg (2014, "expanded percentile interval"), which take the small sample into
    account; plain percentiles are too narrow below about a hundred items.
    """
    count = len(differences)
    draw = Random(seed).choices  # noqa: S311 - resampling, not cryptography; a verdict must be reproducible
    means = sorted(sum(draw(differences, k=count)) / count for _ in range(resamples))
    tail = NormalDist().cdf(-math.sqrt(count / (count - 1)) * _student_t(1 - (1 - confidence) / 2, count - 1))
    index = int(tail * resamples)
    return Interval(mean=fmean(differences), low=means[index], high=means[-1 - index], confidence=confidence)


def sign_flip_test(differences: Sequence[float], *, seed: str, resamples: int = RESAMPLES) -> float:
    """One-sided p of the mean being this high if each difference could as well have had the other sign.

    The paired permutation test (Fisher 1935), by simulation, counted so that p is never 0 (Davison and Hinkley 1997).
    """
    changed = [difference for difference in differences if abs(difference) > SAME]
    if not changed:
        return 1.0
    observed = sum(changed)
    bits = Random(seed).getrandbits  # noqa: S311 - resampling, not cryptography; a verdict must be reproducible
    width = f"0{len(changed)}b"
    # With random signs the sum is twice the sum of a random half minus the whole.
    halves = (
        sum(compress(changed, format(bits(len(changed)), width).encode().translate(_BITS))) for _ in range(resamples)
    )
    return (1 + sum(half >= observed - SAME for half in halves)) / (resamples + 1)


def sign_test(better: int, worse: int) -> float:
    """One-sided exact p of at least so many better among the changed, if better and worse were equally likely."""
    changed = better + worse
    at_least = sum(math.comb(changed, k) for k in range(better, changed + 1))
    return at_least / (1 << changed)


def items_needed(differences: Sequence[float], *, confidence: float = 0.95) -> int | None:
    """How many items like these would show the observed mean with this confidence; None when it is not above 0."""
    mean = fmean(differences)
    if mean <= SAME:
        return None
    return math.ceil((NormalDist().inv_cdf(1 - (1 - confidence) / 2) * stdev(differences) / mean) ** 2)


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
