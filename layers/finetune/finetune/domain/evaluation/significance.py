"""Is a paired difference real? A test says whether it can be chance, and the interval holds what the test allows.

What is tested are questions: the items that ask the same have one vote, their mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from statistics import NormalDist, fmean, stdev

from finetune.frozen import Frozen

SAME = 1e-9
# How often a forecast number of items is enough.
POWER = 0.8
# By how much a p value may exceed the level that counts the chance of exactly what was seen in full, and not by half as
# mid-p does: the level is then never above 3 % where 2.5 % are asked for.
_FULL = 1.2
_SHARES = 64
_MOST_DIFFERENT = 250
_MOST_NEEDED = 10_000_000
_PRECISION = 1e-4


class Interval(Frozen):
    """The mean of paired differences with a two-sided confidence interval, in the unit of the differences."""

    mean: float
    low: float
    high: float
    confidence: float


def votes(differences: Sequence[float], groups: Iterable[Hashable] = ()) -> list[float]:
    """The mean difference of each group, in the order of the first of each; without groups each stands alone."""
    by_group: dict[Hashable, list[float]] = {}
    for difference, group in zip(differences, groups or range(len(differences)), strict=True):
        by_group.setdefault(group, []).append(difference)
    return [fmean(each) for each in by_group.values()]


def p_value(differences: Iterable[float], *, beyond: float = 0.0) -> float:
    """One-sided p value of the true mean being at most `beyond`, for differences from -1 to 1 of any distribution.

    The largest of three. Mid-p, by the random weights of the Bayesian bootstrap (Rubin 1981) with one more difference
    as large as the largest, once a gain and once a loss. The same with one more loss like the worst that was seen,
    which is exact for rare losses of one size (Gaffke 2005). And what `_unseen` allows for losses that the sample does
    not show. For answers that are right or wrong it is McNemar's mid-p (Lancaster 1961; Fagerland et al. 2013).
    """
    return _p_value(_counted(differences), beyond)


def _counted(differences: Iterable[float]) -> Mapping[float, float]:
    """How often each difference occurs; many different ones are shared out to a fine scale, which keeps their mean."""
    counted: Mapping[float, float] = Counter(differences)
    if len(counted) <= _MOST_DIFFERENT:
        return counted
    scaled = dict[float, float]()
    for value, count in counted.items():
        under = math.floor(value * _MOST_DIFFERENT)
        over = value * _MOST_DIFFERENT - under
        for step, share in ((under, 1 - over), (under + 1, over)):
            scaled[step / _MOST_DIFFERENT] = scaled.get(step / _MOST_DIFFERENT, 0) + share * count
    return scaled


def _p_value(counted: Mapping[float, float], beyond: float) -> float:
    if not beyond and counted.keys() <= {-1.0, 0.0, 1.0}:
        return _right_or_wrong(int(counted.get(1.0, 0)), int(counted.get(-1.0, 0)))
    above = [(value - beyond, count) for value, count in counted.items() if abs(value - beyond) > SAME]
    if math.fsum(value * count for value, count in above) <= SAME:
        return 1.0
    worst, largest = min(0.0, *(value for value, _ in above)), max(abs(value) for value, _ in above)
    mid = (_weighted([*above, (largest, 1.0)]) + _weighted([*above, (-largest, 1.0)])) / 2
    seen = _weighted([*above, (worst, 1.0)]) / _FULL if worst else 0.0
    return min(1.0, max(mid, seen, _unseen(counted, beyond)))


def _right_or_wrong(better: int, worse: int) -> float:
    """Mid-p of the sign test; its level is at most 2.6 %, or 3.3 % if each of exactly 50 items changes."""
    changed = better + worse
    return sign_test(better, worse) - math.comb(changed, better) / (1 << changed) / 2 if changed else 1.0


def _weighted(counted: Sequence[tuple[float, float]]) -> float:
    """The probability that a mean with random exponential weights is not above 0, for values whose plain mean is.

    By the saddlepoint (Lugannani and Rice 1980, in the form of Barndorff-Nielsen 1986), to about 1 % of itself.
    """
    lowest = min(value for value, _ in counted)
    if lowest >= 0:
        return 0.0
    if math.fsum(value * count for value, count in counted) <= SAME:
        return 1.0
    low, high = 0.0, -1 / lowest
    tilt = min(high / 2, fmean_of(counted) / fmean_of([(value * value, count) for value, count in counted]))
    while True:
        tilted = [(value / (1 + tilt * value), count) for value, count in counted]
        slope = sum([value * value * count for value, count in tilted])
        rest = sum([value * count for value, count in tilted])
        low, high = (tilt, high) if rest > 0 else (low, tilt)
        following = tilt + rest / slope
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - tilt) <= _PRECISION * tilt:
            break
        tilt = following
    root = math.sqrt(max(0.0, 2 * sum([count * math.log1p(tilt * value) for value, count in counted])))
    if root < 1e-4:
        return 0.5
    return _below(-root - math.log(tilt * math.sqrt(slope) / root) / root)


def _unseen(counted: Mapping[float, float], beyond: float) -> float:
    """How often a sample like this one shows none of the losses of everything that make its true mean `beyond`.

    Any share of such losses may be there, unseen: the one with which the sample is likeliest counts.
    """
    items = sum(counted.values())
    mean = fmean_of(counted.items()) - beyond
    spread = sum([count * (value - beyond - mean) ** 2 for value, count in counted.items()])
    error = math.sqrt(spread / max(1.0, items - 1) / items)
    loss, largest = 1 + beyond, 0.0
    if loss <= SAME:
        return 0.0
    most = min(1.0, 2 * mean / (loss + mean))
    for step in range(1, _SHARES):
        share = most * step / _SHARES
        gap = share * loss / (1 - share) - mean
        likely = _below(gap / error) if error > SAME else float(gap >= -SAME)
        largest = max(largest, (1 - share) ** items * likely)
    return largest


def fmean_of(counted: Iterable[tuple[float, float]]) -> float:
    """The mean of values with their counts."""
    pairs = list(counted)
    return sum([value * count for value, count in pairs]) / sum([count for _, count in pairs])


def interval(differences: Sequence[float], *, confidence: float = 0.95, beyond: float = 0.0) -> Interval:
    """The means that `p_value` does not refute in either direction; above `beyond` exactly if p allows that.

    Its width is never 0 while the differences may be other ones: they lie between -1 and 1.
    """
    level, counted = (1 - confidence) / 2, _counted(differences)
    negated = {-value: count for value, count in counted.items()}
    mean = fmean(differences)
    low = _lower(lambda at: _p_value(counted, at), level, mean, beyond)
    high = -_lower(lambda at: _p_value(negated, at), level, -mean, 0.0)
    return Interval(mean=mean, low=min(low, mean), high=max(high, mean), confidence=confidence)


def _lower(p: Callable[[float], float], level: float, mean: float, split: float) -> float:
    """Where p reaches the level below the mean, on the side of `split` that p says (Illinois' false position)."""
    goal, normal = NormalDist().inv_cdf(level), NormalDist()

    def height(at: float) -> float:
        return normal.inv_cdf(min(0.5, max(1e-300, p(at)))) - goal

    low, high = -1.0, mean
    if split < mean:
        low, high = (split, mean) if p(split) <= level else (-1.0, split)
    below, above = height(low), height(high) if high < mean else -goal
    if below >= 0 or high - low < _PRECISION:
        return low
    while high - low > _PRECISION:
        at = low + (high - low) * min(0.95, max(0.05, below / (below - above)))
        found = height(at)
        if abs(found) < 1e-3:
            return min(at, high)
        if found < 0:
            low, below, above = at, found, above / 2
        else:
            high, above, below = at, found, below / 2
    return low


def fewest_items(*, beyond: float = 0.0, confidence: float = 0.95) -> int | None:
    """How few items can show a mean above `beyond` if each gains 1; None when no number can."""
    if beyond >= 1:
        return None
    return _fewest(lambda items: _p_value({1.0: items}, beyond) <= (1 - confidence) / 2)


def sign_test(better: int, worse: int) -> float:
    """One-sided exact p of at least so many better among the changed, if better and worse were equally likely."""
    changed = better + worse
    at_least, ways = 0, math.comb(changed, better)
    for number in range(better, changed + 1):
        at_least += ways
        ways = ways * (changed - number) // (number + 1)
    return at_least / (1 << changed)


def items_needed(differences: Sequence[float], *, beyond: float = 0.0, confidence: float = 0.95) -> int | None:
    """How many questions like these show a mean above `beyond` in most cases; None when it is not above.

    That many at which the test still agrees if the sample is as unlucky as one in five is.
    """
    counted, have = _counted(differences), len(differences)
    if fmean(differences) - beyond <= SAME or have < 2:
        return None
    unlucky = NormalDist().inv_cdf(POWER) * stdev(differences)

    def shown(items: int) -> bool:
        more = {value: count * items / have for value, count in counted.items()}
        return _p_value(more, beyond + unlucky / math.sqrt(items)) <= (1 - confidence) / 2

    return _fewest(shown)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The smallest number from 2 on that is enough; None when the largest that is tried is not."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST_NEEDED:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _below(z: float) -> float:
    """The standard normal distribution's function."""
    return math.erfc(-z / math.sqrt(2)) / 2
