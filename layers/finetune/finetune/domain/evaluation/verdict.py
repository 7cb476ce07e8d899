"""The verdict over every contestant's answers to the same items: promote, do not promote, or inconclusive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

from finetune.domain.cost import TokenPrices, dollars
from finetune.domain.customization.loss_curves import TrainingSummary
from finetune.domain.evaluation import metrics
from finetune.domain.evaluation.answers import NO_ANSWER, Answer, AnswerOutcome
from finetune.domain.evaluation.comparison import NAMES, Comparison, Guard, GuardState, compare, guard, in_sentence
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.judge_guards import judge_doubts, judge_guards, judge_notes
from finetune.domain.evaluation.llm_judge import JudgeReport
from finetune.domain.evaluation.looks import sentence
from finetune.domain.evaluation.reading import label_of
from finetune.domain.evaluation.scoring import Category, ItemRow, Pairs, Scoring, Usage, by_category
from finetune.domain.evaluation.significance import p_value, votes
from finetune.foreign import foreign
from finetune.frozen import Frozen

Decision = Literal["promote", "do_not_promote", "inconclusive"]

_WORST_FIRST: Sequence[GuardState] = ("fell", "too_few", "held")
# The score by facts of an answer that states none.
_NO_FACTS = 0.5
# Training verdicts that each setting of the gate objects to.
_OVERFITTING: Mapping[str, frozenset[str]] = {
    "severe": frozenset({"severe"}),
    "mild": frozenset({"mild", "severe"}),
    "ignore": frozenset(),
}


class Evaluation(Frozen):
    """The verdict with everything that it rests on; the same items, answers, gates and seed give the same verdict.

    `measurable` items have what the primary metric needs, `scored` ones were also answered by every contestant,
    `coverage` is their share. `questions` counts the different questions among the measurable items. `scores` are means
    by contestant and metric over the items that the contestant answered. `look` counts the looks at the set.
    `notes` are what a person should know beside the reasons.
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
    outcomes: Mapping[str, Mapping[AnswerOutcome, int]]
    usage: Mapping[str, Usage]
    labels: Mapping[str, metrics.LabelReport]
    judge: JudgeReport | None
    rows: tuple[ItemRow, ...]
    gates: Gates
    seed: int
    look: int = 1
    notes: tuple[str, ...] = ()

    @property
    def look_told(self) -> str:
        """Which look it was, and at which level."""
        return sentence(self.look, self.gates)

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
    look: int = 1,
) -> Evaluation:
    """Compare the candidate with the base model and with the champion, if there is one, and decide.

    `answers` maps "base", "candidate" and optionally "champion" to their answers by item id. `metric` is the primary
    metric; if None it is chosen from the items. `prices` holds token prices of contestants that are billed by the
    token. `judged` is the LLM judge's report. `look` counts the looks at this set so far, this one included.

    A candidate is promoted if it is better than every other contestant (with labels, also better than always giving the
    most frequent one), if no guard is broken against the model in service, and if training passed. With too few items
    or answers the verdict is inconclusive, whatever the scores are.
    """
    found, asked = Scoring.of(items, answers, metric), gates.at(look)
    against, in_service = found.contestants[:-1], found.contestants[-2]
    comparisons = tuple(
        _compared(found, one, found.complete, found.pairs(one, found.complete), asked)
        for one in against
        if found.different(found.complete) > 1
    )
    usage = found.usage(prices or {})
    guards = (*_guards(found, in_service, gates), *judge_guards(judged, gates))
    doubts = [*_doubts(found, gates), *judge_doubts(judged)]
    objections = [
        *(comparison.reason for comparison in comparisons if not comparison.better),
        *_constant_objections(found, asked),
        *(broken.reason for broken in guards if not broken.passed),
        *_invented(found, in_service, gates),
        *_dear(usage.get("candidate"), gates),
        *_training_objections(training, gates),
    ]
    if not doubts and not objections:
        doubts = _missing_decide(found, asked)
    reasons = tuple(doubts or objections or [comparison.reason for comparison in reversed(comparisons)])
    return Evaluation(
        decision="inconclusive" if doubts else "do_not_promote" if objections else "promote",
        reason=reasons[0],
        reasons=reasons,
        metric=found.primary,
        metric_title=found.title,
        contestants=found.contestants,
        items=len(items),
        measurable=len(found.measurable),
        questions=found.different(found.measurable),
        scored=len(found.complete),
        coverage=len(found.complete) / len(found.measurable) if found.measurable else 0.0,
        scores=found.means(),
        comparisons=comparisons,
        categories=found.categories(),
        guards=guards,
        outcomes=found.outcomes(),
        usage=usage,
        judge=judged,
        labels=found.labels(),
        rows=found.rows(),
        gates=gates,
        seed=seed,
        look=look,
        notes=(
            *(_form(found, one) for one in comparisons if not doubts and found.by_the_letter(one.against)),
            *(_unanswered(one, found) for one, ends in found.unanswered().items() if ends and not doubts),
            *(one.reason for one in guards if one.state == "too_few" and one.before - one.after > one.tolerance),
            *judge_notes(judged),
        ),
    )


def _compared(found: Scoring, against: str, items: Sequence[EvaluationItem], pairs: Pairs, gates: Gates) -> Comparison:
    return compare(
        pairs,
        against=against,
        title=found.title,
        minimum_gain=gates.minimum_gain,
        confidence=gates.confidence,
        groups=found.groups(items),
    )


def _missing_decide(found: Scoring, gates: Gates) -> list[str]:
    """The doubt that answers which are missing, or none, could turn the verdict."""
    missing = sum(not all(found.ended(one, item) for one in found.contestants) for item in found.measurable)
    if not missing:
        return []
    groups, level = found.groups(found.measurable), (1 - gates.confidence) / 2
    worst = ([now - before for before, now in found.pairs_at_worst(one)] for one in found.contestants[:-1])
    if all(p_value(votes(each, groups), beyond=gates.minimum_gain) <= level for each in worst):
        return []
    return [
        f"The custom model is better only if items without all answers are left out ({missing} of them); run the "
        "evaluation again, because answers that are missing, empty, blocked or cut must not decide."
    ]


def _form(found: Scoring, compared: Comparison) -> str:
    """How much of a difference is form alone, which does not decide."""
    pairs = found.by_the_letter(compared.against)
    all_of_it = fmean(votes([now - before for before, now in pairs], found.groups(found.complete)))
    form = all_of_it - compared.difference.mean
    return (
        f"Read by the letter, the difference to {NAMES[compared.against]} is {100 * all_of_it:+.1f} points, of which "
        f"{100 * form:+.1f} are form. Content decides; the metric `format` is there for who wants form."
    )


def _invented(found: Scoring, against: str, gates: Gates) -> list[str]:
    """That shared words decide, but the facts are worse than those of an answer without any, and no better than before.

    Random facts in the right template share most words with the reference.
    """
    items = found.having(against, "facts") if found.primary in metrics.OVERLAP else []
    if not items:
        return []
    pairs, groups = found.pairs(against, items, "facts"), found.groups(items)
    level = 1 - gates.guard_confidence
    worse = p_value(votes([_NO_FACTS - now for _, now in pairs], groups)) <= level
    if not worse or p_value(votes([now - before for before, now in pairs], groups)) <= level:
        return []
    share = fmean(now for _, now in pairs)
    return [
        f"The custom model states more wrong facts than right ones: {share:.1%} over {len(pairs)} items, where an "
        f"answer without any number, date, amount, code, link or name has {_NO_FACTS:.0%}, and no more than "
        f"{NAMES[against]}."
    ]


def _guards(found: Scoring, against: str, gates: Gates) -> tuple[Guard, ...]:
    """Figures that must not fall against the model in service, or against the base model when there is none."""
    rates = (
        ("not_empty", "Answers that are not empty", gates.empty_answers),
        ("not_refused", "Answers that are no refusal", gates.refusals),
        (
            "not_gaming",
            "Answers that are no echo, repetition, list of keywords or answer to many",
            gates.gaming,
        ),
        ("json_valid", "Answers with valid JSON", gates.json_validity),
        *((("facts", "Right facts", gates.facts),) if found.primary in metrics.OVERLAP else ()),
    )
    overall = [
        guard(
            found.pairs(against, items, name),
            name=name,
            title=title,
            tolerance=tolerance,
            confidence=gates.guard_confidence,
            groups=found.groups(items),
        )
        for name, title, tolerance in rates
        if (items := found.having(against, name))
    ]
    overall += _in_time(found, against, gates)
    members_of = by_category(found.complete)
    categories = [
        guard(
            found.pairs(against, members),
            name="worst_category",
            title=f"Category {foreign(category)}",
            tolerance=gates.worst_category,
            confidence=gates.guard_confidence,
            groups=found.groups(members),
            tests=len(members_of),
        )
        for category, members in members_of.items()
    ]
    worst = min(categories, key=lambda one: (_WORST_FIRST.index(one.state), one.after - one.before), default=None)
    return (*overall, worst) if worst else tuple(overall)


def _in_time(found: Scoring, against: str, gates: Gates) -> list[Guard]:
    """The share of answers within the asked latency, as one more figure that must not fall."""
    if gates.latency_ms is None or found.different(found.complete) < 2:
        return []
    before, now = found.kept[against], found.kept["candidate"]
    pairs = [
        (float(before[item.id].latency_ms <= gates.latency_ms), float(now[item.id].latency_ms <= gates.latency_ms))
        for item in found.complete
    ]
    return [
        guard(
            pairs,
            name="in_time",
            title=f"Answers within {gates.latency_ms:,} ms",
            tolerance=gates.late_answers,
            confidence=gates.guard_confidence,
            groups=found.groups(found.complete),
        )
    ]


def _dear(used: Usage | None, gates: Gates) -> list[str]:
    """That 1,000 calls cost more than is accepted, or that nobody knows what they cost."""
    most = gates.usd_per_thousand_calls
    if most is None or used is None:
        return []
    if used.usd_per_thousand_calls is None:
        return [
            "What 1,000 calls of the custom model cost is not known; set the prices in settings.yaml, or remove "
            "gates.usd_per_thousand_calls."
        ]
    if used.usd_per_thousand_calls <= most:
        return []
    return [
        f"1,000 calls of the custom model cost {dollars(used.usd_per_thousand_calls)} by the tokens of its answers; "
        f"gates.usd_per_thousand_calls accepts {dollars(most)}."
    ]


def _doubts(found: Scoring, gates: Gates) -> list[str]:
    """Why the comparison cannot be trusted, one sentence each."""
    needed, measurable, scored = max(gates.minimum_items, 2), len(found.measurable), len(found.complete)
    if measurable < needed:
        return [
            f"Only {measurable} evaluation items can be measured by {in_sentence(found.title)}; at least {needed} are "
            "needed to tell a better model from chance."
        ]
    if scored / measurable < gates.coverage:
        gaps = ", ".join(f"{count} from {NAMES[one]}" for one, count in found.missing().items() if count)
        return [
            f"Answers are missing ({gaps}): {scored} of {measurable} items have all of theirs, "
            f"{gates.coverage:.0%} are needed. Missing answers are not counted as wrong; run the evaluation again."
        ]
    if few := [one for one, ends in found.unanswered().items() if ends.total() / measurable > gates.unanswered]:
        again = "raise inference.max_tokens" if any(found.unanswered()[one]["cut"] for one in few) else "look at them"
        return [
            f"{' '.join(_unanswered(one, found) for one in few)} What is no answer is no evidence, and at most "
            f"{gates.unanswered:.0%} of a model's answers may be so; {again} and run the evaluation again."
        ]
    if (answered := found.different(found.complete)) < needed:
        return [
            f"The {scored} items with all answers ask only {answered} different questions, and equal questions count "
            f"only once; at least {needed} different ones are needed."
        ]
    return []


def _unanswered(contestant: str, found: Scoring) -> str:
    """How many answers of a contestant are no answers, and what they are instead."""
    ends = found.unanswered()[contestant]
    kinds = " and ".join(f"{ends[kind]} {said}" for kind, said in NO_ANSWER.items() if ends[kind])
    verb = "is" if ends.total() == 1 else "are"
    return f"{ends.total()} of {len(found.measurable)} answers of {NAMES[contestant]} {verb} no full answer ({kinds})."


def _training_objections(training: TrainingSummary | None, gates: Gates) -> list[str]:
    if training is None:
        return []
    broken = training.diverged or training.overfitting in _OVERFITTING[gates.overfitting]
    return [f"Training did not pass: {training.reason}"] if broken else []


def _constant_objections(found: Scoring, gates: Gates) -> list[str]:
    """A base model that names no label at all is beaten by guessing; an answer that needs no model is not."""
    if found.primary != "label":
        return []
    items = found.complete
    labels = [label_of(item.reference or "") for item in items]
    if len(set(labels)) < 2 or found.different(items) < 2:
        return []
    [(usual, _)] = Counter(labels).most_common(1)
    scores = found.scores["candidate"]["label"]
    pairs = [(float(label == usual), scores[item.id]) for item, label in zip(items, labels, strict=True)]
    always = "always giving the most frequent label"
    constant = _compared(found, always, items, pairs, gates.model_copy(update={"minimum_gain": 0.0}))
    return [] if constant.better else [constant.reason]
