"""Two contestants by one figure per item: the difference, whether it is chance, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from statistics import fmean

from finetune.domain.evaluation import significance
from finetune.domain.evaluation.significance import Cluster, Interval
from finetune.frozen import Frozen

NAMES: Mapping[str, str] = {
    "base": "the base model",
    "champion": "the model in service",
    "candidate": "the custom model",
}


class Comparison(Frozen):
    """The candidate against one other contestant by the primary metric, over the items that both answered.

    `scores` are the means of the other and of the candidate. Both p values are one-sided. `questions` counts the
    different questions among the items; the tests count questions, not items.
    """

    against: str
    items: int
    questions: int
    scores: tuple[float, float]
    difference: Interval
    improved: int
    same: int
    worse: int
    sign_test_p: float
    mean_test_p: float
    better: bool
    fell: bool
    reason: str


class Guard(Frozen):
    """A figure that must not fall while the primary metric rises; higher is better for every one."""

    name: str
    title: str
    items: int
    before: float
    after: float
    tolerance: float
    passed: bool
    reason: str


def compare(  # noqa: PLR0913 - keywords, one for each thing a comparison rests on
    pairs: Sequence[tuple[float, float]],
    *,
    against: str,
    title: str,
    minimum_gain: float,
    confidence: float,
    seed: int,
    groups: Sequence[Hashable] = (),
    resamples: int = significance.RESAMPLES,
) -> Comparison:
    """Whether the candidate's scores (second of each pair) are higher than the other's by more than `minimum_gain`.

    `against` is a contestant, or a phrase for something else. Pairs with the same value in `groups` ask the same
    question; there must be at least two groups.

    Better needs both: the interval of the mean difference is above the gain, and the test of the mean agrees at the
    same one-sided level. The interval alone promotes too often below about forty items, and when many small gains hide
    a few large losses. `fell` is the same test in the other direction.
    """
    differences = [after - before for before, after in pairs]
    found = significance.clusters(differences, groups)
    interval = significance.bootstrap_interval(
        found, seed=f"{seed}/{against}/items", confidence=confidence, resamples=resamples
    )
    level = (1 - confidence) / 2
    test = partial(significance.mean_test, seed=f"{seed}/{against}/mean", resamples=resamples)
    p = test(found, beyond=minimum_gain)
    better = interval.low > minimum_gain and p <= level
    fell = interval.high < 0 and test([Cluster(-total, size) for total, size in found]) <= level
    scores = (fmean(before for before, _ in pairs), fmean(after for _, after in pairs))
    improved, worse = changed(pairs)
    asked = f", which ask {len(found)} different questions" if len(found) < len(pairs) else ""
    return Comparison(
        against=against,
        items=len(pairs),
        questions=len(found),
        scores=scores,
        difference=interval,
        improved=improved,
        same=len(pairs) - improved - worse,
        worse=worse,
        sign_test_p=significance.sign_test(*changed([(0.0, total) for total, _ in found])),
        mean_test_p=p,
        better=better,
        fell=fell,
        reason=_finding(better, fell, interval, minimum_gain, NAMES.get(against, against))
        + f": {in_sentence(title)} went from {scores[0]:.1%} to {scores[1]:.1%} over {len(pairs)} items{asked}, "
        + f"{_points(interval.mean)} points "
        + f"({100 * confidence:g}% interval {_points(interval.low)} to {_points(interval.high)})"
        + ("." if better else _advice(found, interval, p, minimum_gain)),
    )


def guard(pairs: Sequence[tuple[float, float]], *, name: str, title: str, tolerance: float, confidence: float) -> Guard:
    """Whether a figure's mean stayed within `tolerance` of what it was, or its fall may still be chance.

    Chance is judged by the exact sign test over the items that changed, one-sided at `confidence`.
    """
    before, after = fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
    improved, worse = changed(pairs)
    real = significance.sign_test(worse, improved) <= 1 - confidence
    passed = before - after <= tolerance + significance.SAME or not real
    return Guard(
        name=name,
        title=title,
        items=len(pairs),
        before=before,
        after=after,
        tolerance=tolerance,
        passed=passed,
        reason=f"{title} {'held' if passed else 'fell'}: {before:.1%} before, {after:.1%} now over {len(pairs)} items, "
        f"a fall of up to {100 * tolerance:.0f} points is accepted.",
    )


def changed(pairs: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """How many pairs rose and how many fell."""
    rose = sum(after - before > significance.SAME for before, after in pairs)
    return rose, sum(before - after > significance.SAME for before, after in pairs)


def in_sentence(title: str) -> str:
    """A metric's title inside a sentence: "token F1", but "ROUGE-L"."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _finding(better: bool, fell: bool, difference: Interval, minimum_gain: float, other: str) -> str:
    if better:
        return f"The custom model is better than {other}"
    if fell:
        return f"The custom model is worse than {other}"
    if difference.mean <= 0:
        return f"The custom model is no better than {other}"
    if minimum_gain:
        return f"The custom model is not shown to be better than {other} by {100 * minimum_gain:.0f} points"
    return f"The custom model is not shown to be better than {other}"


def _advice(found: Sequence[Cluster], difference: Interval, p: float, minimum_gain: float) -> str:
    """Why a gain may be chance, where the interval does not show it, and how many items would settle that."""
    needed = significance.items_needed(found, beyond=minimum_gain, confidence=difference.confidence)
    if needed is None:
        return "."
    settled = f"; about {needed} such items would settle it" if needed > sum(size for _, size in found) else ""
    if difference.low <= minimum_gain:
        return f", which may be chance{settled}."
    allowed = f"{(1 - difference.confidence) / 2:.1%}"
    return f", which may be chance by the test of the mean (p {p:.1%}, {allowed} allowed){settled}."


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"
