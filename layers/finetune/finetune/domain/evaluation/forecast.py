"""Before a job is paid for: can these items end in a promotion at all, and how small a gain can they show?"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from finetune.domain.evaluation import metrics, significance
from finetune.domain.evaluation.comparison import in_sentence
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem, questions
from finetune.domain.evaluation.reading import label_of
from finetune.domain.evaluation.significance import fewest_items
from finetune.frozen import Frozen

# A verdict that so many items allow is not prevented by more of them.
_MOST_ITEMS = 5_000


class Forecast(Frozen):
    """What is known of a verdict before anything is trained.

    `items` can be measured and ask `questions` different questions, of which a verdict takes `needed`; None if no
    number is enough for the gates. `smallest_gain` is in the metric's unit. `obstacle` says in a sentence why even a
    model that is always right would not be promoted; None when it would be.
    """

    items: int
    questions: int
    needed: int | None
    smallest_gain: float | None = None
    obstacle: str | None = None

    @property
    def possible(self) -> bool:
        return self.obstacle is None

    @property
    def sentence(self) -> str:
        """What a person should know of it."""
        if self.obstacle:
            return f"No verdict is possible: {self.obstacle}"
        gain = (
            "" if self.smallest_gain is None else f"; the smallest gain they show is about {self.smallest_gain:.0%}"
        ).replace("%", " points")
        return (
            f"A verdict is possible: {self.questions} different evaluation questions are left, it takes {self.needed}"
            f"{gain}."
        )


def forecast(items: Sequence[EvaluationItem], gates: Gates, *, metric: str | None = None) -> Forecast:
    """Whether `verdict.decide` could promote a model that is always right against one that is always wrong."""
    primary = metric or metrics.primary_metric(items)
    title = in_sentence(metrics.METRICS[primary].title)
    measurable = [item for item in items if metrics.METRICS[primary].applies(item)]
    number = questions(measurable[:_MOST_ITEMS])
    different, needed = len(set(number.values())), questions_needed(gates)
    found = Forecast(items=len(measurable), questions=different, needed=needed)
    if needed is None:
        return found.model_copy(update={"obstacle": "gates.minimum_gain is 1, and no gain is larger than that."})
    if not items:
        return found.model_copy(update={"obstacle": f"there are no evaluation items, and a verdict takes {needed}."})
    if different < needed:
        counted = (
            f"{len(measurable)} evaluation items can be measured by {title}"
            if len(measurable) < needed
            else f"the {len(measurable)} evaluation items ask only {different} different questions"
        )
        return found.model_copy(update={"obstacle": f"{counted}, and a verdict takes {needed}."})
    told = measurable[:_MOST_ITEMS]
    groups = [number[item.id] for item in told]
    wrong = [0.0] * len(told)
    if not _better(wrong, groups, gates):
        few = f"the {len(measurable)} evaluation items are too few for gates.confidence, even if every answer improves."
        return found.model_copy(update={"obstacle": few})
    if primary == "label" and (obstacle := _constant_is_as_good(told, groups, gates)):
        return found.model_copy(update={"obstacle": obstacle})
    return found.model_copy(update={"smallest_gain": smallest_gain(different, gates)})


def questions_needed(gates: Gates) -> int | None:
    """How many different questions the gates take at least; None when no number is enough."""
    fewest = fewest_items(beyond=gates.minimum_gain, confidence=gates.confidence)
    return None if fewest is None else max(gates.minimum_items, fewest)


def smallest_gain(different: int, gates: Gates) -> float | None:
    """The smallest share of so many questions that a model must have improved, and worsened none, to be promoted."""

    def shown(improved: int) -> bool:
        found = [1.0] * improved + [0.0] * (different - improved)
        return significance.p_value(found, beyond=gates.minimum_gain) <= (1 - gates.confidence) / 2

    place = bisect_left(range(1, different + 1), True, key=shown)
    return (place + 1) / different if place < different else None


def _better(other: Sequence[float], groups: Sequence[int], gates: Gates) -> bool:
    """Whether a model that is always right is shown to be better than one with these scores."""
    found = significance.votes([1 - score for score in other], groups)
    return significance.p_value(found, beyond=gates.minimum_gain) <= (1 - gates.confidence) / 2


def _constant_is_as_good(items: Sequence[EvaluationItem], groups: Sequence[int], gates: Gates) -> str | None:
    """Why always giving the most frequent label is not shown to be worse than always being right."""
    labels = [label_of(item.reference or "") for item in items]
    [(usual, count)] = Counter(labels).most_common(1)
    any_gain = gates.model_copy(update={"minimum_gain": 0.0})
    if _better([float(label == usual) for label in labels], groups, any_gain):
        return None
    return (
        f"{count} of the {len(items)} evaluation items have the same label, so that a model that is always right "
        "is not shown to be better than one that always gives that label."
    )
