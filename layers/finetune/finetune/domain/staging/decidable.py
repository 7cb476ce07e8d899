"""Stage a dataset so that its run can end in a verdict, as far as the dataset allows it.

What a contestant was trained on is no evidence. If that leaves too few evaluation items, spare ones are held out; where
that is not enough, records that ask the same as an item are taken out of training instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from finetune.domain.catalog import TEXT_ANSWER_FORMATS
from finetune.domain.evaluation.forecast import Forecast, forecast, questions_needed
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.json_lines import from_jsonl
from finetune.domain.similarity.near_duplicates import MOST_GROUPED
from finetune.domain.staging.leaks import Leak, TrainedBy, asked_again, leaks, without
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Accounting, Inputs, PreparedDataset, Sinks, Surveys, stage_dataset
from finetune.domain.validation.rules import DatasetRules

# Of a larger dataset the shares hold out enough, and to stage it again takes minutes.
_MOST_RESTAGED, _TRIES = MOST_GROUPED, 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a project's settings ask of the split and of the verdict; `seed` is that of both."""

    validation: float
    evaluation: float
    seed: int
    gates: Gates
    metric: str | None = None

    @property
    def shares(self) -> Shares:
        """How much to hold out, if nothing of it is refused."""
        return Shares(self.validation, self.evaluation, questions_needed(self.gates) or self.gates.minimum_items)


@dataclass(frozen=True, slots=True)
class Decidable:
    """A staged dataset, the lines of its evaluation set without `refused` items, and what verdict they allow."""

    prepared: PreparedDataset
    evaluation: bytes
    refused: tuple[Leak, ...]
    forecast: Forecast

    def noted(self, note: str) -> Decidable:
        """The same with a note."""
        return replace(self, prepared=replace(self.prepared, notes=(*self.prepared.notes, note)))


def stage_decidable(
    inputs: Inputs,
    rules: DatasetRules,
    surveys: Callable[[], Surveys],
    sinks: Sinks,
    asked: Evidence,
    *,
    learned: Callable[[], Iterable[Iterable[bytes]]] = tuple,
    entries_per_reason: int = 20,
) -> Decidable:
    """Stage a surveyed dataset into files that can be read, and again while that may make a verdict possible.

    `surveys` opens the surveys from their beginning, `learned` the staged training data of the model in service. If no
    way leads to a verdict, the dataset is staged by its shares alone.
    """
    attempt = _Attempt(inputs, rules, surveys, sinks, asked, learned, entries_per_reason)
    first = plan = _Plan(asked.shares)
    found = attempt.staged(plan)
    if found.prepared.accounting.total > _MOST_RESTAGED:
        return found
    for _ in range(_TRIES):
        if (spare := attempt.with_spares(plan, found)) is None:
            break
        plan, found = spare, attempt.staged(spare)
    if not found.forecast.possible and any(leak.trained == "candidate" for leak in found.refused):
        plan = replace(plan, left_out=attempt.asked_again())
        found = attempt.staged(plan)
    if plan == first:
        return found
    if not found.forecast.possible or found.prepared.problems:
        return attempt.staged(first)
    return _noted(found, plan)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a dataset is split, and the staged lines that do not train because an evaluation item asks the same."""

    shares: Shares
    left_out: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class _Attempt:
    inputs: Inputs
    rules: DatasetRules
    surveys: Callable[[], Surveys]
    sinks: Sinks
    asked: Evidence
    learned: Callable[[], Iterable[Iterable[bytes]]]
    entries_per_reason: int

    def staged(self, plan: _Plan) -> Decidable:
        """The dataset staged by a plan, in place of what was staged before."""
        written = self.sinks.training, self.sinks.validation, self.sinks.evaluation
        for file in written:
            file.seek(0)
            file.truncate()
        inputs = replace(self.inputs, left_out=plan.left_out)
        prepared = stage_dataset(
            inputs, self.rules, plan.shares, self.surveys(), self.sinks, entries_per_reason=self.entries_per_reason
        )
        return self._judged(prepared)

    def _judged(self, prepared: PreparedDataset) -> Decidable:
        self.sinks.training.seek(0)
        trained: list[tuple[TrainedBy, Iterable[bytes]]] = [("candidate", self.sinks.training)]
        trained += [("champion", lines) for lines in self.learned()]
        return _judged(prepared, self._items(), trained, self.rules, self.asked)

    def _items(self) -> tuple[EvaluationItem, ...]:
        self.sinks.evaluation.seek(0)
        return from_jsonl(self.sinks.evaluation.read(), EvaluationItem)

    def with_spares(self, plan: _Plan, found: Decidable) -> _Plan | None:
        """The plan with so many more held out as a verdict lacks; None when none are lacking or can be spared."""
        held, told = _held_out(found), found.forecast
        short = (told.needed or 0) - min(told.items, told.questions)
        more = replace(plan.shares, least_evaluation=max(held, plan.shares.least_evaluation) + short)
        possible = held and not self.inputs.evaluation_items and short > 0
        return _Plan(more) if possible and more.to_evaluate(found.prepared.accounting.staged) > held else None

    def asked_again(self) -> frozenset[bytes]:
        """The staged lines of training that ask the same as an evaluation item."""
        items = self._items()
        self.sinks.training.seek(0)
        return asked_again(items, self.sinks.training)


def without_trained(
    found: Decidable, trained: Iterable[Iterable[bytes]], rules: DatasetRules, asked: Evidence
) -> Decidable:
    """The same without items that an earlier model was trained on, which is evaluated in place of a new one."""
    items = from_jsonl(found.evaluation, EvaluationItem)
    left = _judged(found.prepared, items, [("candidate", lines) for lines in trained], rules, asked)
    refused = sorted((*found.refused, *left.refused), key=lambda leak: leak.line)
    return replace(left, refused=tuple(refused))


def items_alone(
    items: tuple[EvaluationItem, ...],
    learned: Iterable[Iterable[bytes]],
    rules: DatasetRules,
    asked: Evidence,
    note: str,
) -> Decidable:
    """An evaluation set with nothing to train, but without items that the model in service was trained on."""
    staged, _ = without(items, (), rules)
    prepared = PreparedDataset(
        training=None,
        validation=None,
        evaluation=staged,
        accounting=Accounting(total=0, staged=0, duplicates=0, leaked=0, rejected=0, blank=0),
        validation_accounting=None,
        removed={},
        validation_removed={},
        media=False,
        problems=(),
        notes=(note,),
    )
    return _judged(prepared, items, [("champion", lines) for lines in learned], rules, asked)


def _judged(
    prepared: PreparedDataset,
    items: tuple[EvaluationItem, ...],
    trained: Iterable[tuple[TrainedBy, Iterable[bytes]]],
    rules: DatasetRules,
    asked: Evidence,
) -> Decidable:
    """A staged dataset without the items that a contestant was trained on, and what verdict those left allow."""
    refused = leaks(items, trained) if items else ()
    staged, data = without(items, refused, rules)
    names = {leak.id for leak in refused}
    left = [item for item in items if item.id not in names]
    found = forecast(left, asked.gates, metric=asked.metric)
    if rules.record_format not in TEXT_ANSWER_FORMATS:
        found = found.model_copy(
            update={"obstacle": f"a custom {rules.name} does not answer with text, so it cannot be asked."}
        )
    if refused:
        prepared = replace(prepared, evaluation=staged)
    return Decidable(prepared, data, refused, found)


def _held_out(found: Decidable) -> int:
    """How many evaluation items there were before any was refused."""
    return (found.prepared.evaluation.records if found.prepared.evaluation else 0) + len(found.refused)


def _noted(found: Decidable, plan: _Plan) -> Decidable:
    count = len(plan.left_out)
    if not count:
        return found
    note = (
        f"{count} record{'s are' if count > 1 else ' is'} left out of training because an evaluation item asks nearly "
        "the same; without the item no verdict would be possible."
    )
    return found.noted(note)
