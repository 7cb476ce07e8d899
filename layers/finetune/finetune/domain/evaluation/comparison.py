"""Two contestants by one figure per item: the difference, whether it is chance, and the sentence that says so."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from finetune.domain.evaluation import significance
from finetune.domain.evaluation.significance import Interval, votes
from finetune.frozen import Frozen

NAMES: Mapping[str, str] = {
    "base": "the base model",
    "champion": "the model in service",
    "candidate": "the custom model",
}


class Comparison(Frozen):
    """The candidate against one other contestant by the primary metric, over the items that both answered.

    `scores` are the means of the other and of the candidate, over questions. Both p values are one-sided. `questions`
    counts the different questions among the items; each has one vote, however many items ask it.
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


GuardState = Literal["held", "fell", "too_few"]


class Guard(Frozen):
    """A figure that must not fall while the primary metric rises; higher is better for every one.

    It `fell` if it did by more than the tolerance and not by chance, and it held if a larger fall is refuted; what lies
    between are too few items to tell. Only a fall objects to a promotion.
    """

    name: str
    title: str
    items: int
    before: float
    after: float
    tolerance: float
    passed: bool
    state: GuardState = "held"
    reason: str


def compare(
    pairs: Sequence[tuple[float, float]],
    *,
    against: str,
    title: str,
    minimum_gain: float,
    confidence: float,
    groups: Sequence[Hashable] = (),
) -> Comparison:
    """Whether the candidate's scores (second of each pair) are higher than the other's by more than `minimum_gain`.

    `against` is a contestant, or a phrase for something else. Pairs with the same value in `groups` ask the same
    question; there must be at least two groups.

    It is better if the test of the mean refutes a gain of at most that, which is when the whole interval is above it.
    `fell` is the same test in the other direction.
    """
    found = votes([after - before for before, after in pairs], groups)
    interval = significance.interval(found, confidence=confidence, beyond=minimum_gain)
    level = (1 - confidence) / 2
    p = significance.p_value(found, beyond=minimum_gain)
    better = p <= level
    fell = interval.high < 0
    scores = (fmean(votes([before for before, _ in pairs], groups)), fmean(votes([now for _, now in pairs], groups)))
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
        sign_test_p=significance.sign_test(*changed([(0.0, vote) for vote in found])),
        mean_test_p=p,
        better=better,
        fell=fell,
        reason=_finding(better, fell, interval, minimum_gain, NAMES.get(against, against))
        + f": {in_sentence(title)} went from {scores[0]:.1%} to {scores[1]:.1%} over {len(pairs)} items{asked}, "
        + f"{_points(interval.mean)} points "
        + f"({100 * confidence:g}% interval {_points(interval.low)} to {_points(interval.high)})"
        + ("." if better else _advice(found, interval, minimum_gain)),
    )


def guard(
    pairs: Sequence[tuple[float, float]],
    *,
    name: str,
    title: str,
    tolerance: float,
    confidence: float,
    groups: Sequence[Hashable] = (),
    tests: int = 1,
) -> Guard:
    """Whether a figure's mean stayed within `tolerance` of what it was, by the test of the mean at `confidence`.

    If it is one of several `tests`, of which the worst is looked at, its fall has to be so much surer (Bonferroni).
    """
    found = votes([after - before for before, after in pairs], groups)
    before, after = fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
    state: GuardState = "too_few"
    if tolerance >= 1 or significance.p_value(found, beyond=-tolerance) <= 1 - confidence:
        state = "held"
    elif -fmean(found) > tolerance and significance.p_value([-vote for vote in found]) <= (1 - confidence) / tests:
        state = "fell"
    told = f"{before:.1%} before, {after:.1%} now over {len(pairs)} items"
    accepted = f"a fall of up to {100 * tolerance:.0f} points is accepted"
    return Guard(
        name=name,
        title=title,
        items=len(pairs),
        before=before,
        after=after,
        tolerance=tolerance,
        passed=state != "fell",
        state=state,
        reason=f"{title}: too few items to tell, {told}; {accepted}, and it takes {_to_tell(tolerance, confidence)}."
        if state == "too_few"
        else f"{title} {state}: {told}, {accepted}.",
    )


def _to_tell(tolerance: float, confidence: float) -> str:
    """How many items without any fall show that there is none beyond the tolerance."""
    if not tolerance:
        return "more than any number of items to rule out every fall"
    return f"at least {math.ceil(math.log(1 - confidence) / math.log(1 - tolerance))} to rule out more"


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


def _advice(found: Sequence[float], difference: Interval, minimum_gain: float) -> str:
    """That a gain may be chance, and how many items would settle it."""
    if difference.mean <= minimum_gain + significance.SAME:
        return "."
    needed = significance.items_needed(found, beyond=minimum_gain, confidence=difference.confidence)
    if needed is None:
        return ", which may be chance."
    return f", which may be chance; about {needed} such questions would settle it in four of five cases."


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"
