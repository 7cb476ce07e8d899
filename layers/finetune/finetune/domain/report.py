"""The run's report: one self-contained HTML page, without script, with nothing in it that was not escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from finetune.domain import charts
from finetune.domain.answers import Answer
from finetune.domain.comparison import NAMES, Comparison, in_sentence
from finetune.domain.cost import BreakEven, CostEstimate
from finetune.domain.evaluation import Evaluation, Usage
from finetune.domain.evaluation_set import EvaluationItem
from finetune.domain.judging import CRITERIA
from finetune.domain.markup import Markup, facts, join, section, table, tag
from finetune.domain.metrics import METRICS, LabelReport
from finetune.domain.page import page
from finetune.domain.side_by_side import HEADINGS, OUTCOME_WORDS, share, side_by_side
from finetune.domain.training import Curve, TrainingSummary

_LABELS_SHOWN = 12
_DECISIONS = {
    "promote": "Promote",
    "do_not_promote": "Do not promote",
    "inconclusive": "Inconclusive",
}


class ReportData(BaseModel):
    """All that a report shows; sections without data are left out.

    `dataset` and `lineage` are shown in their order, key by key. `note` stands in for the verdict of a run that was not
    evaluated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
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
    """The page; it loads nothing, runs nothing, and allows only its own style by hash."""
    sections = (
        _verdict(data),
        _comparison(data.evaluation),
        _metrics(data.evaluation),
        _categories(data.evaluation),
        _labels(data.evaluation),
        _judge(data.evaluation),
        _training(data.training, data.curves),
        side_by_side(data.evaluation, data.items, data.answers),
        _outcomes(data.evaluation),
        _cost(data.cost, data.break_even),
        _facts("Dataset", data.dataset),
        _facts("Lineage", data.lineage),
    )
    return page(
        title=join(data.project, " \u2013 ", _decision(data.evaluation)),
        project=data.project,
        byline=join(data.base_model, " \u00b7 run ", data.run_id, " \u00b7 ", data.created),
        sections=sections,
    )


def _decision(evaluation: Evaluation | None) -> str:
    return _DECISIONS[evaluation.decision] if evaluation else "Not evaluated"


def _verdict(data: ReportData) -> Markup:
    evaluation = data.evaluation
    sentences = evaluation.reasons if evaluation else (data.note,)
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
    figures = [
        (f"{evaluation.scores[one][evaluation.metric]:.1%}", HEADINGS[one])
        for one in evaluation.contestants
        if evaluation.metric in evaluation.scores[one]
    ]
    figures.append((f"{evaluation.scored} / {evaluation.measurable}", "Items compared"))
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for value, name in figures), class_="figures")


def _comparison(evaluation: Evaluation | None) -> Markup:
    if not evaluation or not evaluation.comparisons:
        return Markup()
    lead = (
        f"Difference in {in_sentence(evaluation.metric_title)} in points, item by item on the same prompts. The bar is "
        f"the {evaluation.gates.confidence:.0%} interval; the custom model is better when all of it lies right of the "
        "line."
    )
    return section("How sure that is", *(_compared(evaluation, one) for one in evaluation.comparisons), lead=lead)


def _compared(evaluation: Evaluation, one: Comparison) -> Markup:
    counts = {"improved": one.improved, "same": one.same, "worse": one.worse}
    return tag(
        "figure",
        tag("figcaption", f"The custom model against {NAMES[one.against]}"),
        charts.interval(one, evaluation.gates.minimum_gain),
        charts.shares(counts),
        charts.legend({name: f"{count} {name}" for name, count in counts.items()}),
        tag(
            "p",
            f"Chance of a gain like this without a real difference: {_p(one.permutation_p)} (permutation test), "
            f"{_p(one.sign_test_p)} (sign test).",
            class_="note",
        ),
    )


def _p(p: float) -> str:
    return "less than 0.1%" if p < 0.001 else f"{p:.1%}"


def _metrics(evaluation: Evaluation | None) -> Markup:
    if not evaluation:
        return Markup()
    names = [name for name in METRICS if any(name in evaluation.scores[one] for one in evaluation.contestants)]
    rows = [
        (
            tag("b", METRICS[name].title, " ", tag("span", "decides", class_="pill"))
            if name == evaluation.metric
            else METRICS[name].title,
            *(share(evaluation.scores[one].get(name)) for one in evaluation.contestants),
            _change(evaluation.scores["base"].get(name), evaluation.scores["candidate"].get(name)),
        )
        for name in sorted(names, key=lambda name: name != evaluation.metric)
    ]
    head = ("Metric", *(HEADINGS[one] for one in evaluation.contestants), "Change to base")
    guards = [
        (guard.title, f"{guard.before:.1%}", f"{guard.after:.1%}", _mark(guard.passed)) for guard in evaluation.guards
    ]
    before = HEADINGS[evaluation.contestants[-2]]
    return section(
        "Metrics",
        table(head, rows, class_="numbers"),
        tag("h3", "Must not fall"),
        table(("Guard", before, HEADINGS["candidate"], "Result"), guards, class_="numbers"),
    )


def _change(before: float | None, after: float | None) -> Markup:
    if before is None or after is None:
        return join("\u2013")
    difference = round(100 * (after - before), 1)
    class_ = "up" if difference > 0 else "down" if difference < 0 else None
    return tag("span", f"{difference:+.1f}", class_=class_)


def _mark(passed: bool) -> Markup:
    return tag("span", "held" if passed else "fell", class_="pill good" if passed else "pill bad")


def _categories(evaluation: Evaluation | None) -> Markup:
    if not evaluation or not evaluation.categories:
        return Markup()
    rows: list[tuple[object, ...]] = [
        (
            join(category.name, tag("span", f" {category.items} items", class_="note")),
            tag(
                "div",
                *(
                    tag("div", charts.bar(score, one), tag("span", f"{score:.0%}"), class_="bar")
                    for one, score in category.scores.items()
                ),
                class_="bars",
            ),
        )
        for category in evaluation.categories
    ]
    key = charts.legend({one: HEADINGS[one] for one in evaluation.contestants})
    return section("By category", key, table(("Category", evaluation.metric_title), rows, class_="wide"))


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
        (label, *(tag("b", count) if column == row else count or "\u00b7" for column, count in enumerate(counts)))
        for row, (label, counts) in enumerate(zip(report.labels, report.confusion, strict=True))
    ]
    return table(("Label", *report.labels, "none of them"), rows, class_="numbers")


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
        f"{'Its price is unknown.' if judged.usd is None else f'It cost ${judged.usd:,.4f}.'}"
    )
    rows = [(name.capitalize(), *(f"{means[name]:.2f}" for means in judged.criteria.values())) for name in CRITERIA]
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
    key = charts.legend({curve.kind: f"{curve.kind.capitalize()} loss" for curve in drawable})
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
    rows: list[tuple[object, ...]] = [
        (OUTCOME_WORDS[outcome], *(evaluation.outcomes[one][outcome] for one in evaluation.contestants))
        for outcome in OUTCOME_WORDS
        if outcome == "answered" or any(evaluation.outcomes[one][outcome] for one in evaluation.contestants)
    ]
    used = [evaluation.usage.get(one) for one in evaluation.contestants]
    rows += [
        ("Median latency", *(f"{use.latency_p50_ms:,.0f} ms" if use else "\u2013" for use in used)),
        ("95th percentile", *(f"{use.latency_p95_ms:,.0f} ms" if use else "\u2013" for use in used)),
        ("Prompt tokens, mean", *(f"{use.input_tokens:,.0f}" if use else "\u2013" for use in used)),
        ("Answer tokens, mean", *(f"{use.output_tokens:,.0f}" if use else "\u2013" for use in used)),
        ("Price of 1,000 calls", *(_price(use) for use in used)),
    ]
    head = ("", *(HEADINGS[one] for one in evaluation.contestants))
    return section("How answers ended", table(head, rows, class_="numbers"))


def _price(use: Usage | None) -> str:
    if not use or use.usd_per_thousand_calls is None:
        return "unknown"
    return f"${use.usd_per_thousand_calls:,.4g}"


def _cost(cost: CostEstimate | None, break_even: BreakEven | None) -> Markup:
    if not cost:
        return Markup()
    rows: list[tuple[object, ...]] = [
        (
            line.what,
            f"{line.quantity:,.10g} \u00d7 {line.unit}" if line.quantity != 1 else line.unit,
            "unknown" if line.unit_price is None else f"${line.unit_price:,.6g}",
            "unknown" if line.usd is None else f"${line.usd:,.2f}",
        )
        for line in cost.lines
    ]
    rows.append(
        (
            tag("b", "Total" if not cost.unknown else "Total of what is known"),
            "",
            "",
            tag("b", f"${cost.total_usd:,.2f}"),
        )
    )
    note = (
        tag(
            "p",
            "Provisioned throughput "
            f"(${break_even.throughput_usd_per_month:,.0f} a month for one model unit) costs less than paying by token "
            f"(${break_even.on_demand_usd_per_million_tokens:,.2f} a million) from "
            f"{break_even.tokens_per_month / 1e9:,.1f} billion tokens a month.",
            class_="note",
        )
        if break_even
        else ""
    )
    return section("Cost", table(("Item", "Quantity", "Price", "USD"), rows, class_="numbers"), note)


def _facts(title: str, entries: Mapping[str, int | str]) -> Markup:
    return section(title, facts(entries)) if entries else Markup()
