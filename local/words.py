"""A run's states, verdict and bill in words; the same for a terminal and for a pipe."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finetune.contracts import (
    JudgeEvaluationOutput,
    PrepareDatasetOutput,
    PromoteModelOutput,
    SelectModelOutput,
    ValidateDatasetOutput,
)
from finetune.domain.catalog import base_models
from finetune.domain.evaluation.metrics import METRICS
from finetune.domain.evaluation.verdict import Evaluation
from finetune.run import Run
from finetune_cli import states
from finetune_cli.history import Row
from local.bedrock.ledger import Bill, Ledger
from local.clock import Timeline
from local.results import Result
from local.watch import Activity

MARKS = {"running": "·", "done": "✓", "failed": "✗"}
SERVICE_TIME_KINDS = ("Wait", "Map")
TIMED_KINDS = ("Task", "Wait", "Map")
VERDICTS = ("status", "decision", "outcome", "kind")
CONTESTANTS = {"base": "base model", "champion": "in service", "candidate": "custom model"}


@dataclass(frozen=True)
class Line:
    """One state or step: status, name, real seconds, service time where it matters, and what it found."""

    status: str
    name: str
    seconds: str
    service: str
    note: str


@dataclass(frozen=True)
class Section:
    """A part of a summary; what is `verbatim` is there to be copied."""

    title: str
    lines: tuple[str, ...]
    verbatim: bool = False


def duration(seconds: float) -> str:
    """Seconds as a person says them, those below a minute with a decimal."""
    return states.duration(seconds, 1)


def state_line(row: Row, now: datetime, timeline: Timeline) -> Line:
    """A state's line; service time is that of waits and Maps, since functions run in real time."""
    real = duration(row.seconds_until(now, timeline.real)) if row.kind in TIMED_KINDS else ""
    service = duration(row.seconds_until(now)) if row.kind in SERVICE_TIME_KINDS and timeline.scale != 1 else ""
    return Line(row.status, f"{'  ' if row.inside else ''}{row.name}", real, service, note(row))


def note(row: Row) -> str:
    """What a reader should know about a state apart from its time."""
    parts = [f"{row.visits} times"] if row.visits > 1 and row.kind in TIMED_KINDS else []
    if row.kind == "Choice":
        parts.append(f"→ {row.chosen}" if row.chosen else "")
    if row.error:
        parts.append(row.error)
    elif row.errors:
        parts.append(f"tried again after {', '.join(dict.fromkeys(row.errors))}")
    if row.iterations > 1:
        parts.append(f"{row.iterations_ended} of {row.iterations}")
    if row.kind == "Task" and row.status == "done":
        added = ((key, found) for key, found in row.added.items() if isinstance(found, dict))
        parts.extend(_FINDINGS.get(key, _verdicts)(found) for key, found in added)
    return ", ".join(part for part in parts if part)


def activity_line(activity: Activity) -> str:
    return f"{activity.name}: {activity.state}"


def _verdicts(found: Any) -> str:
    """What any output says in a word of ours."""
    return ", ".join(str(found[name]).replace("_", " ") for name in VERDICTS if name in found)


def _plan(found: Any) -> str:
    base_model = Run.model_validate(found).settings.base_model
    return base_models()[base_model].name if base_model in base_models() else base_model


def _validation(found: Any) -> str:
    validation = ValidateDatasetOutput.model_validate(found)
    warnings = f", {count(validation.warnings, 'warning')}" if validation.warnings else ""
    return f"{count(validation.records, 'record')}, {count(validation.problems, 'problem')}{warnings}"


def _preparation(found: Any) -> str:
    prepared = PrepareDatasetOutput.model_validate(found)
    estimate = "" if prepared.estimated_usd is None else f", about {dollars(prepared.estimated_usd)}"
    return (
        f"{prepared.training_records} to train, {prepared.validation_records} to validate, "
        f"{prepared.evaluation_items} to evaluate{estimate}"
    )


def _model(found: Any) -> str:
    model = SelectModelOutput.model_validate(found)
    if model.outcome == "failed":
        return model.reason
    told = [("training loss", model.training_loss), ("validation loss", model.validation_loss)]
    return ", ".join(f"{name} {loss:.3f}" for name, loss in told if loss is not None)


def _promotion(found: Any) -> str:
    return f"published as {PromoteModelOutput.model_validate(found).parameter}"


# What a key that a state adds says in a few words; of any other key its verdicts are told.
_FINDINGS: Mapping[str, Callable[[Any], str]] = {
    "run": _plan,
    "validation": _validation,
    "prepared": _preparation,
    "model": _model,
    "promotion": _promotion,
}


def summary(
    result: Result, verdict: JudgeEvaluationOutput | None, evaluation: Evaluation | None, ledger: Ledger, folder: str
) -> list[Section]:
    """What a person wants to know when a run has ended, in the order in which they ask."""
    return [
        Section(*_ending(result, verdict)),
        *([Section(*_comparison(evaluation))] if evaluation else []),
        *(
            Section("Mail", (f"To: {mail.to}", f"Subject: {mail.subject}", "", *mail.body.splitlines()))
            for mail in result.mails
        ),
        *([] if result.mails else [Section("Mail", ("None was sent.",))]),
        Section("What AWS would have billed", tuple(_bill(ledger))),
        Section("Endpoints left", tuple(_endpoints(ledger)) or ("None.",)),
        Section("Files", (f"Report: {result.report or 'none was written'}", f"Everything: {folder}")),
    ]


def _ending(result: Result, verdict: JudgeEvaluationOutput | None) -> tuple[str, tuple[str, ...]]:
    if result.status != "SUCCEEDED":
        words = ": ".join(part for part in (result.error, result.cause) if part)
        return f"Run {result.status.lower().replace('_', ' ')}", (words or "No reason was given.",)
    if verdict is None:
        return "Run succeeded", ("The run has no verdict.",)
    return f"Verdict: {verdict.decision.replace('_', ' ')}", (verdict.reason,)


def _comparison(evaluation: Evaluation) -> tuple[str, tuple[str, ...]]:
    """Every metric of every contestant, and the primary one's difference."""
    names = [CONTESTANTS[one] for one in evaluation.contestants]
    lines = [f"{'':<22}" + "".join(f"{name:>14}" for name in names)]
    for metric in (name for name in METRICS if name in evaluation.scores["base"]):
        scores = (evaluation.scores[one].get(metric) for one in evaluation.contestants)
        cells = "".join(f"{'-' if score is None else f'{score:.3f}':>14}" for score in scores)
        lines.append(f"{METRICS[metric].title:<22}{cells}")
    for one in evaluation.comparisons:
        difference = one.difference
        lines.append(
            f"{evaluation.metric_title}: {difference.mean:+.3f} against the {CONTESTANTS[one.against]}, "
            f"between {difference.low:+.3f} and {difference.high:+.3f}"
        )
    return f"Comparison over {count(evaluation.items, 'item')}", tuple(lines)


def _bill(ledger: Ledger) -> Iterator[str]:
    names = {job.arn: job.name for job in ledger.jobs}
    names |= {model.arn: model.name for model in ledger.models}
    names |= {endpoint.arn: endpoint.name for endpoint in ledger.endpoints}
    rows: list[tuple[str, str, str, str]] = [
        (bill.item, _quantity(bill), dollars(bill.usd), names.get(bill.resource, bill.resource))
        for bill in ledger.billed_usd
    ]
    rows.append(("total", "", dollars(ledger.total_usd), ""))
    width = max(len(quantity) for _, quantity, _, _ in rows)
    yield from (f"{item:<14}{quantity:>{width}}  {usd:>8}  {name}".rstrip() for item, quantity, usd, name in rows)
    if ledger.unknown:
        yield "? means that the catalog has no price; the total does not include it."


def _quantity(bill: Bill) -> str:
    return f"{bill.quantity:,.0f} {bill.unit}" if bill.quantity >= 100 else f"{bill.quantity:.3g} {bill.unit}"


def _endpoints(ledger: Ledger) -> Iterator[str]:
    for endpoint in ledger.endpoints:
        if endpoint.arn in ledger.open:
            cost = "billed by the hour" if endpoint.kind == "throughput" else "billed per token, nothing while idle"
            yield f"{endpoint.name}, {endpoint.status}, {cost}"
            yield endpoint.arn


def dollars(amount: float | None) -> str:
    """US dollars, small amounts to a hundredth of a cent; ? where no price is known."""
    if amount is None:
        return "?"
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${max(amount, 0.0001):.4f}"


def count(number: int, noun: str) -> str:
    """`no problems`, `1 problem`, `12 problems`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
