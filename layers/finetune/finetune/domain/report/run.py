"""The run's report: one self-contained HTML page with nothing in it that was not escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from finetune.domain.cost import BreakEven, CostEstimate, dollars
from finetune.domain.customization.loss_curves import Curve, TrainingSummary
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.comparison import NAMES, Comparison, GuardState, in_sentence
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import CRITERIA
from finetune.domain.evaluation.metrics import METRICS, LabelReport
from finetune.domain.evaluation.scoring import Category, Usage
from finetune.domain.evaluation.verdict import Evaluation
from finetune.domain.report import charts
from finetune.domain.report.bill import bill
from finetune.domain.report.markup import Markup, facts, join, one_line, section, signed, table, tag
from finetune.domain.report.page import page
from finetune.domain.report.side_by_side import HEADINGS, OUTCOME_WORDS, share, side_by_side
from finetune.frozen import Frozen

_LABELS_SHOWN = 12
_CATEGORIES_SHOWN = 20
_NAME_CHARACTERS = 60
_DECISIONS = {
    "promote": "Promote",
    "do_not_promote": "Do not promote",
    "inconclusive": "Inconclusive",
}


class ReportData(Frozen):
    """All that a report shows; sections without data are left out.

    `dataset` and `lineage` are shown key by key, in their order. If the run was not evaluated, `note` is shown instead
    of the verdict.
    """

    project: str
    run_id: str
    created: str
    base_model: str
    evaluation: Evaluation | None = None
    note: str = "The custom model was not evaluated."
    items: tuple[EvaluationItem, ...] = ()
    answers: Mapping[str, Mapping[str, Answer]] = {}
    training: TrainingSummary | None = None
    curves: tuple[Curve, ...] = ()
    cost: CostEstimate | None = None
    break_even: BreakEven | None = None
    dataset: Mapping[str, int | str] = {}
    lineage: Mapping[str, str] = {}


def render(data: ReportData) -> str:
    """The page; it loads nothing, and allows its own style and the list's script by their hashes and nothing else."""
    answers = side_by_side(data.evaluation, data.items, data.answers)
    sections = (
        _verdict(data),
        _comparison(data.evaluation),
        _metrics(data.evaluation),
        _categories(data.evaluation),
        _labels(data.evaluation),
        _judge(data.evaluation),
        _training(data.training, data.curves),
        answers,
        _outcomes(data.evaluation),
        bill(data.cost, data.break_even, _tokens_per_call(data.evaluation)),
        section("Dataset", facts(data.dataset)) if data.dataset else Markup(),
        section("Lineage", facts(data.lineage, class_="lineage")) if data.lineage else Markup(),
    )
    return page(
        title=join(data.project, " \u2013 ", _decision(data.evaluation)),
        project=data.project,
        byline=join(data.base_model, " \u00b7 run ", data.run_id, " \u00b7 ", data.created),
        sections=sections,
        script="page.js" if answers else None,
    )


def _decision(evaluation: Evaluation | None) -> str:
    return _DECISIONS[evaluation.decision] if evaluation else "Not evaluated"


def _verdict(data: ReportData) -> Markup:
    evaluation = data.evaluation
    sentences = (*evaluation.reasons, *evaluation.notes, evaluation.look_told) if evaluation else (data.note,)
    return tag(
        "section",
        tag("p", "Verdict", class_="eyebrow"),
        tag("h1", _decision(evaluation)),
        tag("p", sentences[0], class_="sentence"),
        tag("ul", *(tag("li", sentence) for sentence in sentences[1:])) if sentences[1:] else Markup(),
        _figures(evaluation) if evaluation else Markup(),
        class_=f"verdict {evaluation.decision if evaluation else 'inconclusive'}",
    )


def _figures(evaluation: Evaluation) -> Markup:
    """The scores that were compared; where there was no comparison, what each model reached by itself."""
    means = {one: evaluation.scores[one].get(evaluation.metric) for one in evaluation.contestants}
    for one in evaluation.comparisons:
        means |= {one.against: one.scores[0], "candidate": one.scores[1]}
    scores = {HEADINGS[one]: share(mean) for one, mean in means.items() if mean is not None}
    compared = {"Items compared": f"{evaluation.scored:,} of {evaluation.measurable:,}"}
    title = f"Mean {in_sentence(evaluation.metric_title)}"
    return tag("div", tag("p", title, class_="eyebrow"), facts(scores | compared, class_=None), class_="figures")


def _comparison(evaluation: Evaluation | None) -> Markup:
    if not evaluation or not evaluation.comparisons:
        return Markup()
    confidence = evaluation.gates.at(evaluation.look).confidence
    lead = (
        f"Difference in {in_sentence(evaluation.metric_title)} in points, item by item on the same prompts. The bar is "
        f"the {100 * confidence:g}% interval; the custom model is better when the bar is right of "
        "the line."
    )
    return section("How sure that is", *(_compared(evaluation, one) for one in evaluation.comparisons), lead=lead)


def _compared(evaluation: Evaluation, one: Comparison) -> Markup:
    counts = {"improved": one.improved, "same": one.same, "worse": one.worse}
    mean, low, high = (signed(100 * value) for value in (one.difference.mean, one.difference.low, one.difference.high))
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("span", f"The custom model against {NAMES[one.against]}"),
            tag("span", tag("b", mean, " points"), f" ({low} to {high})", class_="amount"),
        ),
        charts.interval(one, evaluation.gates.minimum_gain),
        charts.shares(counts),
        charts.legend({name: f"{count} {name}" for name, count in counts.items()}),
        tag("p", _chance(one), class_="note") if one.difference.mean > 0 else "",
    )


def _chance(one: Comparison) -> str:
    return (
        f"By chance alone, a gain like this happens in {_p(one.mean_test_p)} of such comparisons by the "
        f"test of the mean and in {_p(one.sign_test_p)} by the sign test."
    )


def _p(p: float) -> str:
    return "less than 0.1%" if p < 0.001 else f"{p:.1%}"


def _metrics(evaluation: Evaluation | None) -> Markup:
    if not evaluation:
        return Markup()
    before = evaluation.contestants[-2]
    names = [name for name in METRICS if any(name in evaluation.scores[one] for one in evaluation.contestants)]
    rows = [
        (
            tag("b", METRICS[name].title, " ", tag("span", "decides", class_="pill"))
            if name == evaluation.metric
            else METRICS[name].title,
            *(share(evaluation.scores[one].get(name)) for one in evaluation.contestants),
            _change(evaluation.scores[before].get(name), evaluation.scores["candidate"].get(name)),
        )
        for name in sorted(names, key=lambda name: name != evaluation.metric)
    ]
    head = ("Metric", *(HEADINGS[one] for one in evaluation.contestants), "Change")
    guards = [
        (guard.title, f"{guard.before:.1%}", f"{guard.after:.1%}", _mark(guard.state)) for guard in evaluation.guards
    ]
    lead = f"Means over the items that each model answered. The change is against {NAMES[before]}, in points."
    return section(
        "Metrics",
        table(head, rows, class_="numbers"),
        tag("h3", "Must not fall"),
        table(("Guard", HEADINGS[before], HEADINGS["candidate"], "Result"), guards, class_="numbers"),
        lead=lead,
    )


def _change(before: float | None, after: float | None) -> Markup:
    if before is None or after is None:
        return join("\u2013")
    difference = round(100 * (after - before), 1)
    class_ = "up" if difference > 0 else "down" if difference < 0 else None
    return tag("span", signed(difference), class_=class_)


def _mark(state: GuardState) -> Markup:
    words, tone = {"held": ("held", " good"), "fell": ("fell", " bad"), "too_few": ("too few to tell", "")}[state]
    return tag("span", words, class_=f"pill{tone}")


def _categories(evaluation: Evaluation | None) -> Markup:
    if not evaluation or not evaluation.categories:
        return Markup()
    ranked = sorted(evaluation.categories, key=lambda category: (-category.items, category.name))
    rows = [_category(category) for category in ranked[:_CATEGORIES_SHOWN]]
    left = len(ranked) - len(rows)
    return section(
        "By category",
        charts.legend({one: HEADINGS[one] for one in evaluation.contestants}),
        table(("Category", evaluation.metric_title), rows, class_="wide"),
        tag("p", f"{left:,} smaller categories are in evaluation.json.", class_="note") if left > 0 else "",
    )


def _category(category: Category) -> tuple[object, ...]:
    bars = (
        tag("div", charts.bar(score, one), tag("span", f"{score:.0%}"), class_="bar")
        for one, score in category.scores.items()
    )
    items = f"{category.items} item{'' if category.items == 1 else 's'}"
    name = join(one_line(category.name, _NAME_CHARACTERS), " ", tag("span", items, class_="note"))
    return name, tag("div", *bars, class_="bars")


def _labels(evaluation: Evaluation | None) -> Markup:
    if not evaluation or not evaluation.labels:
        return Markup()
    summary: list[tuple[object, ...]] = [
        (HEADINGS[one], f"{report.accuracy:.1%}", f"{report.macro_f1:.1%}") for one, report in evaluation.labels.items()
    ]
    return section(
        "Labels",
        table(("Model", "Accuracy", "Macro-F1"), summary, class_="numbers"),
        tag("h3", "What the custom model answered (columns) where the label was (rows)"),
        _confusion(evaluation.labels["candidate"]),
    )


def _confusion(report: LabelReport) -> Markup:
    if len(report.labels) > _LABELS_SHOWN:
        return tag(
            "p", f"{len(report.labels)} labels are too many to draw; the table is in evaluation.json.", class_="note"
        )
    rows: list[tuple[object, ...]] = [
        (
            one_line(label, _NAME_CHARACTERS),
            *(tag("b", count) if column == row else count or "\u00b7" for column, count in enumerate(counts)),
        )
        for row, (label, counts) in enumerate(zip(report.labels, report.confusion, strict=True))
    ]
    columns = (one_line(label, _NAME_CHARACTERS) for label in report.labels)
    return table(("Label", *columns, "none of them"), rows, class_="numbers")


def _judge(evaluation: Evaluation | None) -> Markup:
    judged = evaluation.judge if evaluation else None
    if not judged:
        return Markup()
    agreed = (
        "" if judged.consistent is None else f" Both orders prefer the same answer in {judged.consistent:.0%} of them."
    )
    lead = (
        f"{judged.model} rated {judged.judged} of {judged.asked} items, each in both orders and without knowing which "
        f"model had answered.{agreed} It can object to a promotion and cannot cause one. "
        f"{'Its price is unknown.' if judged.usd is None else f'It cost {dollars(judged.usd)}.'}"
    )
    rows = [(name.capitalize(), *(f"{means[name]:.1f}" for means in judged.criteria.values())) for name in CRITERIA]
    head = ("Criterion, 1 to 5", *(HEADINGS[one] for one in judged.criteria))
    return section("What the judge says", table(head, rows, class_="numbers") if judged.criteria else "", lead=lead)


def _training(summary: TrainingSummary | None, drawn: Sequence[Curve]) -> Markup:
    if not summary:
        return Markup()
    drawable = [curve for curve in drawn if curve.points]
    verdict = "diverged" if summary.diverged else f"overfitting: {summary.overfitting}"
    tone = "bad" if not summary.passed else "good" if summary.overfitting == "none" else "doubt"
    entries: dict[str, int | str] = {
        "Steps": f"{summary.steps:,}",
        "Epochs": summary.epochs,
        "Final training loss": _loss(summary.training_loss),
        "Final validation loss": _loss(summary.validation_loss),
        "Lowest validation loss": _loss(summary.best_validation_loss),
    }
    words = {str(curve.kind): f"{curve.kind.capitalize()} loss" for curve in drawable}
    if charts.lowest(drawable):
        words["lowest"] = "Lowest validation loss"
    key = charts.legend(words)
    return section(
        "Training",
        tag("figure", charts.curves(drawable), key) if drawable else Markup(),
        facts(entries),
        lead=join(tag("span", verdict, class_=f"pill {tone}"), " ", summary.reason),
    )


def _loss(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _outcomes(evaluation: Evaluation | None) -> Markup:
    if not evaluation:
        return Markup()
    ended: list[tuple[object, ...]] = [
        (OUTCOME_WORDS[outcome], *(evaluation.outcomes[one].get(outcome, 0) for one in evaluation.contestants))
        for outcome in OUTCOME_WORDS
        if outcome == "answered" or any(evaluation.outcomes[one].get(outcome) for one in evaluation.contestants)
    ]
    used = [evaluation.usage.get(one) for one in evaluation.contestants]
    took: list[tuple[object, ...]] = [(name, *(show(use) if use else "\u2013" for use in used)) for name, show in _USED]
    headings = [HEADINGS[one] for one in evaluation.contestants]
    return section(
        "How answers ended",
        table(("Answers", *headings), ended, class_="numbers"),
        tag("h3", "What they took"),
        table(("One answer", *headings), took, class_="numbers"),
    )


_USED: Sequence[tuple[str, Callable[[Usage], str]]] = (
    ("Latency, median", lambda use: f"{use.latency_p50_ms:,.0f} ms"),
    ("Latency, 95th percentile", lambda use: f"{use.latency_p95_ms:,.0f} ms"),
    ("Prompt tokens, mean", lambda use: f"{use.input_tokens:,.0f}"),
    ("Answer tokens, mean", lambda use: f"{use.output_tokens:,.0f}"),
    (
        "Price of 1,000 calls",
        lambda use: "unknown" if use.usd_per_thousand_calls is None else dollars(use.usd_per_thousand_calls),
    ),
)


def _tokens_per_call(evaluation: Evaluation | None) -> float | None:
    use = evaluation.usage.get("candidate") if evaluation else None
    return use.input_tokens + use.output_tokens if use else None
