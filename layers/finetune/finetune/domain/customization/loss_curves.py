"""Loss curves of a customization job: read from its metrics files, summed up, and judged for overfitting."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean
from typing import Literal

from finetune.domain.customization.jobs import Overfitting
from finetune.frozen import Frozen

LossKind = Literal["training", "validation"]

# Generalisation loss: the rise of the validation loss over its lowest point (Prechelt 1998, "Early Stopping - But
# When?"), whose largest threshold is 5 %. Only four times that is severe, since instruction tuning may still gain in
# quality while the validation loss turns up (Ouyang et al. 2022, section 3.5).
MILD_RISE = 0.05
SEVERE_RISE = 0.20


class UnreadableMetricsError(ValueError):
    """A metrics file is not what Bedrock writes; the message names the line."""


class Point(Frozen):
    """One row of a metrics file."""

    step: int
    epoch: int
    loss: float
    perplexity: float | None = None


class Curve(Frozen):
    """A loss over a job's steps, in their order; `diverged` when a row held no finite loss (such rows are left out)."""

    kind: LossKind
    points: tuple[Point, ...]
    diverged: bool = False

    @property
    def best(self) -> Point:
        return min(self.points, key=lambda point: point.loss)

    @property
    def final(self) -> Point:
        return self.points[-1]


class TrainingSummary(Frozen):
    """What a job's loss curves say; `passed` is False when the model is not worth an evaluation."""

    steps: int
    epochs: int
    training_loss: float | None
    validation_loss: float | None
    best_validation_loss: float | None
    overfitting: Overfitting
    diverged: bool
    passed: bool
    reason: str


def read_metrics(data: bytes, kind: LossKind) -> Curve:
    """The curve in a `step_wise_training_metrics.csv` or `validation_metrics.csv`, or an UnreadableMetricsError.

    Column order, further columns, a byte order mark, blank lines and a missing perplexity do not matter.
    """
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        numbered = [
            (rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableMetricsError(f"The {kind} metrics are not a CSV file: {error}.") from error
    header = [name.lower() for name in numbered[0][1]] if numbered else []
    missing = [name for name in ("step_number", "epoch_number", f"{kind}_loss") if name not in header]
    if missing:
        raise UnreadableMetricsError(f"The {kind} metrics lack the column {missing[0]}; the first line must name it.")
    parsed = [_point(line, dict(zip(header, cells, strict=False)), kind) for line, cells in numbered[1:]]
    points = tuple(point for point in parsed if math.isfinite(point.loss))
    if not parsed:
        raise UnreadableMetricsError(f"The {kind} metrics hold no rows.")
    return Curve(
        kind=kind, points=tuple(sorted(points, key=lambda point: point.step)), diverged=len(points) < len(parsed)
    )


def _point(line: int, row: dict[str, str], kind: LossKind) -> Point:
    def number(name: str) -> float:
        try:
            return float(row[name])
        except (KeyError, ValueError):
            raise UnreadableMetricsError(f"Line {line} of the {kind} metrics has no number in {name}.") from None

    step, epoch, perplexity = number("step_number"), number("epoch_number"), row.get("perplexity") or "nan"
    if not (math.isfinite(step) and math.isfinite(epoch)):
        raise UnreadableMetricsError(f"Line {line} of the {kind} metrics has no finite step_number and epoch_number.")
    try:
        known = float(perplexity)
    except ValueError:
        known = math.nan
    return Point(
        step=int(step),
        epoch=int(epoch),
        loss=number(f"{kind}_loss"),
        perplexity=known if math.isfinite(known) else None,
    )


def summarise(training: Curve | None, validation: Curve | None) -> TrainingSummary:
    """Losses and the overfitting verdict of one job; either curve may be missing."""
    train = training if training and training.points else None
    held_out = validation if validation and validation.points else None
    diverged = bool((training and training.diverged) or (validation and validation.diverged))
    overfitting, reason = _overfitting(held_out)
    if diverged:
        reason = "The loss stopped being a number: training diverged; lower the learning rate."
    elif train and _rose(train):
        diverged = True
        reason = (
            f"The training loss rose from {train.points[0].loss:.2f} to {_settled(train):.2f}: training did not "
            "converge; lower the learning rate."
        )
    longest = train or held_out
    return TrainingSummary(
        steps=longest.final.step if longest else 0,
        epochs=_epochs(longest) if longest else 0,
        training_loss=train.final.loss if train else None,
        validation_loss=held_out.final.loss if held_out else None,
        best_validation_loss=held_out.best.loss if held_out else None,
        overfitting=overfitting,
        diverged=diverged,
        passed=not diverged and overfitting != "severe",
        reason=reason,
    )


def _overfitting(validation: Curve | None) -> tuple[Overfitting, str]:
    if validation is None:
        return "unknown", "No validation loss was measured, so overfitting cannot be judged."
    if len(validation.points) == 1:
        return "unknown", "The validation loss was measured once, so a turn for the worse cannot be seen."
    best, final = validation.best, validation.final
    rise = final.loss / best.loss - 1 if best.loss > 0 else 0.0
    if rise < MILD_RISE:
        return "none", f"The validation loss ended at {final.loss:.2f}, within {MILD_RISE:.0%} of its lowest point."
    words = (
        f"The validation loss rose {rise:.0%} above its lowest point (from {best.loss:.2f} at step {best.step} "
        f"to {final.loss:.2f}): "
    )
    if rise < SEVERE_RISE:
        return "mild", words + "fewer epochs may do better."
    return "severe", words + "the model learned its training data by heart; use fewer epochs or more data."


def _rose(curve: Curve) -> bool:
    """Whether the last tenth of the curve lies clearly above its first point."""
    return len(curve.points) > 1 and _settled(curve) > (1 + MILD_RISE) * curve.points[0].loss


def _settled(curve: Curve) -> float:
    return fmean(point.loss for point in curve.points[-max(1, len(curve.points) // 10) :])


def _epochs(curve: Curve) -> int:
    """Epochs seen; Bedrock numbers them from 0 or from 1."""
    return len({point.epoch for point in curve.points})


def best_candidate(summaries: Sequence[TrainingSummary]) -> int:
    """Index of the candidate with the lowest final validation loss, then training loss; one that passed comes first.

    Final, not lowest: the model that Bedrock keeps is the last one.
    """

    def rank(index: int) -> tuple[bool, float, float, int]:
        summary = summaries[index]
        losses = (summary.validation_loss, summary.training_loss)
        return (not summary.passed, *(math.inf if loss is None else loss for loss in losses), index)  # type: ignore[return-value]

    return min(range(len(summaries)), key=rank)


def thinned(curve: Curve, limit: int) -> tuple[tuple[float, float], ...]:
    """At most `limit` (step, loss) pairs, each the mean of a run of neighbours: what a drawing needs of a curve."""
    size = math.ceil(len(curve.points) / limit)
    runs = groupby(enumerate(curve.points), key=lambda numbered: numbered[0] // size)
    groups = ([point for _, point in run] for _, run in runs)
    return tuple((fmean(point.step for point in group), fmean(point.loss for point in group)) for group in groups)
