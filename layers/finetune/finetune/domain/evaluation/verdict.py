"""Every contestant's answers to the same items, and the verdict: promote, do not promote, or inconclusive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, quantiles
from typing import Literal, get_args

from finetune.domain.cost import TokenPrices
from finetune.domain.customization.loss_curves import TrainingSummary
from finetune.domain.evaluation import metrics
from finetune.domain.evaluation.answers import SCORED_AS_ZERO, Answer, Outcome
from finetune.domain.evaluation.comparison import NAMES, Comparison, Guard, compare, guard, in_sentence
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem, questions
from finetune.domain.evaluation.llm_judge import JudgeReport
from finetune.errors import EvaluationSetInvalid
from finetune.frozen import Frozen

Decision = Literal["promote", "do_not_promote", "inconclusive"]
Scores = Mapping[str, Mapping[str, float]]

# Training verdicts that each setting of the gate objects to.
_OVERFITTING: Mapping[str, frozenset[str]] = {
    "severe": frozenset({"severe"}),
    "mild": frozenset({"mild", "severe"}),
    "ignore": frozenset(),
}


class Category(Frozen):
    """Mean primary score of each contestant over one category's items."""

    name: str
    items: int
    scores: Mapping[str, float]


class Usage(Frozen):
    """What a contestant's answers took: latency, mean tokens of prompt and answer, and what 1,000 such calls cost.

    The price is None where it is unknown or where the endpoint is not paid by the token.
    """

    latency_p50_ms: float
    latency_p95_ms: float
    input_tokens: float
    output_tokens: float
    usd_per_thousand_calls: float | None


class ItemRow(Frozen):
    """One item's primary score and outcome per contestant; no texts."""

    id: str
    line: int
    category: str | None
    scores: Mapping[str, float | None]
    outcomes: Mapping[str, Outcome]


class Evaluation(Frozen):
    """The verdict with everything it rests on; the same items, answers, gates and seed give the same one.

    `measurable` items have what the primary metric needs, `scored` ones were also answered by every contestant, and
    `coverage` is their share. `questions` are the different ones among the measurable, nearly equal ones counted once.
    `scores` are means by contestant and metric over the items that contestant answered.
    """

    decision: Decision
    reason: str
    reasons: tuple[str, ...]
    metric: str
    metric_title: str
    contestants: tuple[str, ...]
    items: int
    measurable: int
    questions: int
    scored: int
    coverage: float
    scores: Mapping[str, Mapping[str, float]]
    comparisons: tuple[Comparison, ...]
    categories: tuple[Category, ...]
    guards: tuple[Guard, ...]
    outcomes: Mapping[str, Mapping[Outcome, int]]
    usage: Mapping[str, Usage]
    labels: Mapping[str, metrics.LabelReport]
    judge: JudgeReport | None
    rows: tuple[ItemRow, ...]
    gates: Gates
    seed: int

    def against(self, contestant: str) -> Comparison | None:
        """The comparison with a contestant, if there is one."""
        return next((one for one in self.comparisons if one.against == contestant), None)


def decide(  # noqa: PLR0913 - keywords, one for each thing a verdict rests on
    items: Sequence[EvaluationItem],
    answers: Mapping[str, Mapping[str, Answer]],
    *,
    gates: Gates,
    seed: int,
    metric: str | None = None,
    training: TrainingSummary | None = None,
    prices: Mapping[str, TokenPrices] | None = None,
    judged: JudgeReport | None = None,
) -> Evaluation:
    """Compare the candidate with the base model and, when there is one, with the champion; decide.

    `answers` maps "base", "candidate" and optionally "champion" to their answers by item id; `metric` names the primary
    one, else the items do; `prices` are those of contestants that are paid by the token, `judged` is what a judge made
    of the answers. Promotion asks that the candidate is better than every other contestant, and of labels also than
    the most frequent one alone, that no guard is broken against what is in service, and that training passed. Too few
    items or answers are inconclusive, whatever the scores say.
    """
    contestants = tuple(name for name in NAMES if name in answers)
    if not {"base", "candidate"} <= set(contestants):
        raise ValueError("answers must hold the contestants base and candidate")
    if len({item.id for item in items}) < len(items):
        raise EvaluationSetInvalid("Two items of the evaluation set have the same id; give each its own.")
    primary = metric or metrics.primary_metric(items)
    title = metrics.metric(primary).title
    kept = {one: _kept(items, answers[one]) for one in contestants}
    scores = {one: _scores(items, kept[one], {primary, *metrics.applicable(items)}) for one in contestants}
    measurable = [item for item in items if metrics.METRICS[primary].applies(item)]
    complete = [item for item in measurable if all(item.id in kept[one] for one in contestants)]
    question = questions(measurable)

    def compared(against: str, over: Sequence[EvaluationItem], pairs: Sequence[tuple[float, float]]) -> Comparison:
        return compare(
            pairs,
            against=against,
            title=title,
            minimum_gain=gates.minimum_gain,
            confidence=gates.confidence,
            seed=seed,
            groups=[question[item.id] for item in over],
        )

    answered = len({question[item.id] for item in complete})
    comparisons = tuple(
        compared(against, complete, _pairs(scores, primary, against, complete))
        for against in contestants[:-1]
        if answered > 1
    )
    guards = (*_guards(scores, primary, contestants[-2], complete, gates), *_judge_guard(judged, gates))
    doubts = [*_doubts(title, measurable, kept, len(complete), answered, gates), *_judge_doubts(judged)]
    objections = [
        *(comparison.reason for comparison in comparisons if not comparison.better),
        *(_constant_objections(scores["candidate"], complete, question, gates, seed) if primary == "label" else ()),
        *(broken.reason for broken in guards if not broken.passed),
        *_training_objections(training, gates),
    ]
    if not doubts and not objections and len(complete) < len(measurable):
        worst = [compared(one, measurable, _at_worst(scores, primary, one, measurable)) for one in contestants[:-1]]
        doubts += _missing_decide(worst, len(measurable) - len(complete))
    decision: Decision = "inconclusive" if doubts else "do_not_promote" if objections else "promote"
    reasons = tuple(doubts or objections or [comparison.reason for comparison in reversed(comparisons)])
    return Evaluation(
        decision=decision,
        reason=reasons[0],
        reasons=reasons,
        metric=primary,
        metric_title=title,
        contestants=contestants,
        items=len(items),
        measurable=len(measurable),
        questions=len(set(question.values())),
        scored=len(complete),
        coverage=len(complete) / len(measurable) if measurable else 0.0,
        scores={one: {name: fmean(by.values()) for name, by in scores[one].items() if by} for one in contestants},
        comparisons=comparisons,
        categories=_categories({one: scores[one][primary] for one in contestants}, complete),
        guards=guards,
        outcomes={one: _outcomes(items, kept[one]) for one in contestants},
        usage={one: _usage(list(kept[one].values()), (prices or {}).get(one)) for one in contestants if kept[one]},
        judge=judged,
        labels={one: _labels(complete, kept[one]) for one in contestants} if primary == "label" else {},
        rows=tuple(
            ItemRow(
                id=item.id,
                line=item.line,
                category=item.category,
                scores={one: scores[one][primary].get(item.id) for one in contestants},
                outcomes={one: _outcome(kept[one].get(item.id)) for one in contestants},
            )
            for item in items
        ),
        gates=gates,
        seed=seed,
    )


def _kept(items: Sequence[EvaluationItem], answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """The answers to these items that can be scored."""
    given = {item.id: answers.get(item.id) for item in items}
    return {key: answer for key, answer in given.items() if answer and answer.outcome != "missing"}


def _outcome(answer: Answer | None) -> Outcome:
    return answer.outcome if answer else "missing"


def _outcomes(items: Sequence[EvaluationItem], kept: Mapping[str, Answer]) -> Mapping[Outcome, int]:
    counts = Counter(_outcome(kept.get(item.id)) for item in items)
    return {outcome: counts[outcome] for outcome in get_args(Outcome)}


def _scores(items: Sequence[EvaluationItem], kept: Mapping[str, Answer], names: Iterable[str]) -> Scores:
    """Scores by metric and item id, for the items that were answered and that the metric applies to."""
    answered = [(item, kept[item.id]) for item in items if item.id in kept]
    table = {
        name: {
            item.id: 0.0 if answer.outcome in SCORED_AS_ZERO else metrics.METRICS[name].score(answer.text, item)
            for item, answer in answered
            if metrics.METRICS[name].applies(item)
        }
        for name in metrics.METRICS
        if name in set(names)
    }
    not_empty = {
        item.id: float(answer.outcome in SCORED_AS_ZERO or not metrics.is_empty(answer.text))
        for item, answer in answered
    }
    not_refused = {item.id: float(not _refused(answer, item)) for item, answer in answered}
    return {**table, "not_empty": not_empty, "not_refused": not_refused}


def _refused(answer: Answer, item: EvaluationItem) -> bool:
    """Whether help was refused where the reference gives it."""
    expected = item.reference is not None and metrics.is_refusal(item.reference)
    return answer.outcome == "blocked" or (metrics.is_refusal(answer.text) and not expected)


def _pairs(
    scores: Mapping[str, Scores], name: str, against: str, items: Sequence[EvaluationItem]
) -> list[tuple[float, float]]:
    before, after = scores[against].get(name, {}), scores["candidate"].get(name, {})
    return [(before[item.id], after[item.id]) for item in items if item.id in before and item.id in after]


def _at_worst(
    scores: Mapping[str, Scores], name: str, against: str, items: Sequence[EvaluationItem]
) -> list[tuple[float, float]]:
    """Pairs in which every missing answer speaks against the candidate (the worst case of Manski 1990)."""
    before, after = scores[against].get(name, {}), scores["candidate"].get(name, {})
    return [(before.get(item.id, 1.0 if item.id in after else 0.0), after.get(item.id, 0.0)) for item in items]


def _missing_decide(worst: Sequence[Comparison], missing: int) -> list[str]:
    if all(comparison.better for comparison in worst):
        return []
    return [
        f"The custom model is better only if items without all answers are left out ({missing} of them); run the "
        "evaluation again, because answers that are missing must not decide."
    ]


def _guards(
    scores: Mapping[str, Scores], primary: str, against: str, items: Sequence[EvaluationItem], gates: Gates
) -> tuple[Guard, ...]:
    """Figures that must not fall against the model in service, or against the base model when there is none."""
    rates = (
        ("not_empty", "Answers that are not empty", gates.empty_answers),
        ("not_refused", "Answers that are no refusal", gates.refusals),
        ("json_valid", "Answers that are valid JSON", gates.json_validity),
    )
    overall = [
        guard(pairs, name=name, title=title, tolerance=tolerance, confidence=gates.guard_confidence)
        for name, title, tolerance in rates
        if (pairs := _pairs(scores, name, against, items))
    ]
    by_category = [
        guard(
            _pairs(scores, primary, against, members),
            name="worst_category",
            title=f"Category {category}",
            tolerance=gates.worst_category,
            confidence=gates.guard_confidence,
        )
        for category, members in _by_category(items).items()
    ]
    worst = min(by_category, key=lambda one: (one.passed, one.after - one.before), default=None)
    return (*overall, worst) if worst else tuple(overall)


def _judge_guard(judged: JudgeReport | None, gates: Gates) -> tuple[Guard, ...]:
    """The judge's ratings as one more figure that must not fall: it can object to a promotion, never cause one."""
    if not judged or not judged.ratings:
        return ()
    pairs = list(judged.ratings.values())
    title = "The judge's rating"
    return (guard(pairs, name="judge", title=title, tolerance=gates.judge_rating, confidence=gates.guard_confidence),)


def _judge_doubts(judged: JudgeReport | None) -> list[str]:
    if not judged or not judged.asked or judged.judged / judged.asked >= judged.coverage:
        return []
    return [
        f"The judge rated only {judged.judged} of {judged.asked} items, {judged.coverage:.0%} are needed; "
        "run the evaluation again or take the judge out of settings.yaml."
    ]


def _doubts(
    title: str,
    measurable: Sequence[EvaluationItem],
    kept: Mapping[str, Mapping[str, Answer]],
    scored: int,
    answered: int,
    gates: Gates,
) -> list[str]:
    """Why the comparison cannot be trusted, one sentence each; `answered` are the different questions with answers."""
    needed = max(gates.minimum_items, 2)
    if len(measurable) < needed:
        return [
            f"Only {len(measurable)} evaluation items can be measured by {in_sentence(title)}; at least {needed} are "
            "needed to tell a better model from chance."
        ]
    if scored / len(measurable) >= gates.coverage and answered < needed:
        return [
            f"The {scored} items with all answers ask only {answered} different questions, and answers to the same one "
            f"are evidence once; at least {needed} different ones are needed."
        ]
    if scored / len(measurable) >= gates.coverage:
        return []
    missing = {one: sum(item.id not in kept[one] for item in measurable) for one in kept}
    gaps = ", ".join(f"{count} from {NAMES[one]}" for one, count in missing.items() if count)
    return [
        f"Answers are missing ({gaps}): {scored} of {len(measurable)} items have all of theirs, "
        f"{gates.coverage:.0%} are needed. Missing answers are not counted as wrong; run the evaluation again."
    ]


def _training_objections(training: TrainingSummary | None, gates: Gates) -> list[str]:
    if training is None:
        return []
    broken = training.diverged or training.overfitting in _OVERFITTING[gates.overfitting]
    return [f"Training did not pass: {training.reason}"] if broken else []


def _constant_objections(
    scores: Scores, items: Sequence[EvaluationItem], question: Mapping[str, int], gates: Gates, seed: int
) -> list[str]:
    """A base model that names no label at all is beaten by guessing; an answer that needs no model is not."""
    labels = [metrics.label_of(item.reference or "") for item in items]
    groups = [question[item.id] for item in items]
    if len(set(labels)) < 2 or len(set(groups)) < 2:
        return []
    [(usual, _)] = Counter(labels).most_common(1)
    found = compare(
        [(float(label == usual), scores["label"][item.id]) for item, label in zip(items, labels, strict=True)],
        against="always giving the most frequent label",
        title=metrics.metric("label").title,
        minimum_gain=0.0,
        confidence=gates.confidence,
        seed=seed,
        groups=groups,
    )
    return [] if found.better else [found.reason]


def _by_category(items: Sequence[EvaluationItem]) -> dict[str, list[EvaluationItem]]:
    named = sorted({item.category for item in items if item.category is not None})
    return {category: [item for item in items if item.category == category] for category in named}


def _categories(scores: Mapping[str, Mapping[str, float]], items: Sequence[EvaluationItem]) -> tuple[Category, ...]:
    return tuple(
        Category(
            name=category,
            items=len(members),
            scores={one: fmean(by_item[item.id] for item in members) for one, by_item in scores.items()},
        )
        for category, members in _by_category(items).items()
    )


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
