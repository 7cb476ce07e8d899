"""Every contestant's answers to the same items, scored by the metrics that apply to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import get_args

from finetune.domain.cost import TokenPrices
from finetune.domain.evaluation import metrics
from finetune.domain.evaluation.answers import NO_ANSWER, SCORED_AS_ZERO, Answer, AnswerOutcome
from finetune.domain.evaluation.comparison import NAMES
from finetune.domain.evaluation.gaming import Vocabulary, is_gaming, same_to_all
from finetune.domain.evaluation.items import EvaluationItem, questions, references
from finetune.domain.evaluation.reading import Phrases, label_of, says
from finetune.domain.evaluation.refusals import is_refusal
from finetune.errors import EvaluationSetInvalid
from finetune.frozen import Frozen

Scores = Mapping[str, Mapping[str, float]]
# Where scores by the letter stand beside those of the metrics.
LETTER = "by_the_letter"
_MOST_LABELS = 200
# What is counted of every answer, whatever its item holds.
_RATES = ("not_empty", "not_refused", "not_gaming")
Pairs = list[tuple[float, float]]


class Category(Frozen):
    """Mean primary score of each contestant over one category's items."""

    name: str
    items: int
    scores: Mapping[str, float]


class Usage(Frozen):
    """A contestant's latency, mean tokens of prompt and answer, and the price of 1,000 such calls.

    The price is None if it is unknown or the endpoint is not billed by the token.
    """

    latency_p50_ms: float
    latency_p95_ms: float
    input_tokens: float
    output_tokens: float
    usd_per_thousand_calls: float | None


class ItemRow(Frozen):
    """One item's primary score and outcome per contestant; no texts. Items with the same `question` ask the same."""

    id: str
    line: int
    category: str | None
    scores: Mapping[str, float | None]
    outcomes: Mapping[str, AnswerOutcome]
    question: int | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores by contestant, metric and item id; `primary` is the metric that decides.

    `kept` are the answers that can be scored. `measurable` items have what the primary metric needs; `complete` ones
    were also answered by every contestant. `question` numbers the different questions among the measurable items.
    """

    items: Sequence[EvaluationItem]
    primary: str
    kept: Mapping[str, Mapping[str, Answer]]
    scores: Mapping[str, Scores]
    measurable: Sequence[EvaluationItem]
    complete: Sequence[EvaluationItem]
    question: Mapping[str, int]

    @classmethod
    def of(
        cls, items: Sequence[EvaluationItem], answers: Mapping[str, Mapping[str, Answer]], metric: str | None
    ) -> Scoring:
        """Score answers by contestant and item id; without a `metric` the items choose the primary one."""
        contestants = [name for name in NAMES if name in answers]
        if not {"base", "candidate"} <= set(contestants):
            raise ValueError("answers must hold the contestants base and candidate")
        if len({item.id for item in items}) < len(items):
            raise EvaluationSetInvalid("Two items of the evaluation set have the same id; give each its own.")
        primary = metric or metrics.primary_metric(items)
        names = tuple(dict.fromkeys((primary, *metrics.applicable(items))))
        kept = {one: _kept(items, answers[one]) for one in contestants}
        measurable = [item for item in items if metrics.METRICS[primary].applies(item)]
        return cls(
            items=items,
            primary=primary,
            kept=kept,
            scores={one: _scores(items, kept[one], names, Reader.of(items, primary)) for one in contestants},
            measurable=measurable,
            complete=[item for item in measurable if all(item.id in kept[one] for one in contestants)],
            question=questions(measurable),
        )

    @property
    def contestants(self) -> tuple[str, ...]:
        """The base model, the champion where there is one, and the candidate."""
        return tuple(self.kept)

    @property
    def title(self) -> str:
        """The primary metric's name for people."""
        return metrics.METRICS[self.primary].title

    def different(self, items: Iterable[EvaluationItem]) -> int:
        """How many different questions some measurable items ask."""
        return len({self.question[item.id] for item in items})

    def groups(self, items: Iterable[EvaluationItem]) -> list[int]:
        """The number of the question that each measurable item asks."""
        return [self.question[item.id] for item in items]

    def having(self, against: str, name: str) -> list[EvaluationItem]:
        """The complete items that another contestant and the candidate have this score of."""
        before, after = self._both(against, name)
        return [item for item in self.complete if item.id in before and item.id in after]

    def pairs(self, against: str, items: Iterable[EvaluationItem], name: str | None = None) -> Pairs:
        """The scores of another contestant and of the candidate, by the primary metric or the named one."""
        before, after = self._both(against, name or self.primary)
        return [(before[item.id], after[item.id]) for item in items if item.id in before and item.id in after]

    def pairs_at_worst(self, against: str) -> Pairs:
        """Pairs in which whatever is no full answer speaks against the candidate (the worst case of Manski 1990)."""
        before, after = self._both(against, self.primary)
        ended = {one: {item.id for item in self.measurable if self.ended(one, item)} for one in (against, "candidate")}
        return [
            (
                before[item.id] if item.id in ended[against] else float(item.id in ended["candidate"]),
                after[item.id] if item.id in ended["candidate"] else 0.0,
            )
            for item in self.measurable
        ]

    def ended(self, contestant: str, item: EvaluationItem) -> bool:
        """Whether a contestant's answer ended well and has text."""
        return _outcome(self.kept[contestant].get(item.id)) == "answered"

    def unanswered(self) -> dict[str, Counter[AnswerOutcome]]:
        """The measurable items that got something, but no full answer, by contestant and kind."""
        ends = {
            one: Counter(_outcome(kept.get(item.id)) for item in self.measurable) for one, kept in self.kept.items()
        }
        return {one: Counter({kind: count[kind] for kind in NO_ANSWER if count[kind]}) for one, count in ends.items()}

    def _both(self, against: str, name: str) -> tuple[Mapping[str, float], Mapping[str, float]]:
        return self.scores[against].get(name, {}), self.scores["candidate"].get(name, {})

    def missing(self) -> dict[str, int]:
        """Measurable items without an answer, by contestant."""
        return {one: sum(item.id not in kept for item in self.measurable) for one, kept in self.kept.items()}

    def means(self) -> Scores:
        """The mean of each metric by contestant, over the items that it answered."""
        return {one: {name: fmean(by.values()) for name, by in own.items() if by} for one, own in self.scores.items()}

    def categories(self) -> tuple[Category, ...]:
        """The primary metric by category, over the items that every contestant answered."""
        return tuple(
            Category(
                name=category,
                items=len(members),
                scores={one: fmean(own[self.primary][item.id] for item in members) for one, own in self.scores.items()},
            )
            for category, members in by_category(self.complete).items()
        )

    def outcomes(self) -> Mapping[str, Mapping[AnswerOutcome, int]]:
        """How the answers ended, by contestant."""
        counts = {one: Counter(_outcome(kept.get(item.id)) for item in self.items) for one, kept in self.kept.items()}
        return {one: {outcome: count[outcome] for outcome in get_args(AnswerOutcome)} for one, count in counts.items()}

    def usage(self, prices: Mapping[str, TokenPrices]) -> Mapping[str, Usage]:
        """What the answers took, by contestant."""
        return {one: _usage(list(kept.values()), prices.get(one)) for one, kept in self.kept.items() if kept}

    def labels(self) -> Mapping[str, metrics.LabelReport]:
        """The confusion of labels by contestant, where labels decide."""
        if self.primary != "label":
            return {}
        return {one: _labels(self.complete, kept) for one, kept in self.kept.items()}

    def by_the_letter(self, against: str) -> Pairs:
        """The primary scores of the complete items if answers are read by the letter; none where that is the same."""
        return self.pairs(against, self.complete, LETTER)

    def rows(self) -> tuple[ItemRow, ...]:
        """Every item by itself."""
        return tuple(
            ItemRow(
                id=item.id,
                line=item.line,
                category=item.category,
                scores={one: own[self.primary].get(item.id) for one, own in self.scores.items()},
                outcomes={one: _outcome(kept.get(item.id)) for one, kept in self.kept.items()},
                question=self.question.get(item.id),
            )
            for item in self.items
        )


def by_category(items: Sequence[EvaluationItem]) -> dict[str, list[EvaluationItem]]:
    """The items of each category, in the order of the categories' names."""
    named = sorted({item.category for item in items if item.category is not None})
    return {category: [item for item in items if item.category == category] for category in named}


def _kept(items: Sequence[EvaluationItem], answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """The answers to these items that can be scored."""
    given = {item.id: answers.get(item.id) for item in items}
    return {key: answer for key, answer in given.items() if answer and answer.outcome != "missing"}


def _outcome(answer: Answer | None) -> AnswerOutcome:
    return answer.outcome if answer else "missing"


@dataclass(frozen=True, slots=True)
class Reader:
    """What answers are read by that no item tells alone: the labels and the keywords of the whole set."""

    labels: frozenset[str]
    said: Phrases
    vocabulary: Vocabulary
    primary: str

    @classmethod
    def of(cls, items: Sequence[EvaluationItem], primary: str) -> Reader:
        short = (item for item in items if metrics.METRICS["label"].applies(item))
        labels = frozenset(label_of(each) for item in short for each in references(item))
        read = labels if len(labels) <= _MOST_LABELS else frozenset()
        return cls(read, Phrases(labels), Vocabulary.of(items), primary)

    def score(self, name: str, text: str, item: EvaluationItem) -> float:
        """The score by a metric that applies to the item."""
        if name == "label":
            return max(metrics.label_match(text, each, self.labels) for each in references(item))
        score = metrics.METRICS[name].score(text, item)
        if name == "token_f1" and score < 1 and metrics.METRICS["label"].applies(item):
            # What is said in a sentence is said; how many words stand around it is form.
            asked = item.messages[-1].text
            return max(score, *(float(says(text, label_of(each), self.said, asked)) for each in references(item)))
        return score

    def by_the_letter(self, text: str, item: EvaluationItem) -> float:
        """The primary score without reading leniently."""
        return max(metrics.BY_THE_LETTER[self.primary](text, each) for each in references(item))


def _scores(
    items: Sequence[EvaluationItem], kept: Mapping[str, Answer], names: Iterable[str], reader: Reader
) -> Scores:
    """Scores by metric and item id, for the items that were answered and that the metric applies to."""
    answered = [(item, kept[item.id]) for item in items if item.id in kept]
    table: dict[str, dict[str, float]] = {name: {} for name in (*names, *_RATES)}
    # Item by item, so that what was read of a text is still at hand.
    for item, answer in answered:
        for name, score in _of_answer(item, answer, names, reader):
            table.setdefault(name, {})[item.id] = score
    used = [(item, answer.text) for item, answer in answered if answer.outcome not in SCORED_AS_ZERO]
    table["not_gaming"].update(dict.fromkeys(same_to_all(used), 0.0))
    return table


def _of_answer(
    item: EvaluationItem, answer: Answer, names: Iterable[str], reader: Reader
) -> Iterator[tuple[str, float]]:
    """Every score of one answer, and whether it is one at all."""
    nothing = answer.outcome in SCORED_AS_ZERO
    for name in names:
        if metrics.METRICS[name].applies(item):
            yield name, 0.0 if nothing else reader.score(name, answer.text, item)
    if reader.primary in metrics.BY_THE_LETTER and metrics.METRICS[reader.primary].applies(item):
        yield LETTER, 0.0 if nothing else reader.by_the_letter(answer.text, item)
    yield "not_gaming", float(nothing or not is_gaming(answer.text, item, reader.vocabulary))
    yield "not_empty", float(answer.outcome != "empty")
    yield "not_refused", float(not _refused(answer, item))


def _refused(answer: Answer, item: EvaluationItem) -> bool:
    """Whether help was refused where the reference gives it."""
    expected = item.reference is not None and is_refusal(item.reference)
    return answer.outcome == "blocked" or (is_refusal(answer.text) and not expected)


def _usage(answers: Sequence[Answer], prices: TokenPrices | None) -> Usage:
    latencies = sorted(answer.latency_ms for answer in answers)
    percentiles = quantiles(latencies, n=20, method="inclusive") if len(latencies) > 1 else latencies * 19
    asked, said = fmean(one.input_tokens for one in answers), fmean(one.output_tokens for one in answers)
    return Usage(
        latency_p50_ms=percentiles[9],
        latency_p95_ms=percentiles[18],
        input_tokens=asked,
        output_tokens=said,
        usd_per_thousand_calls=prices.usd(1000 * asked, 1000 * said) if prices else None,
    )


def _labels(items: Sequence[EvaluationItem], kept: Mapping[str, Answer]) -> metrics.LabelReport:
    """Blocked and unusable answers name no label."""
    texts = ["" if kept[item.id].outcome in SCORED_AS_ZERO else kept[item.id].text for item in items]
    return metrics.label_report(texts, [item.reference or "" for item in items])
