"""Prepare a dataset: convert it for the base model, remove duplicates, split it without leakage, and stage it.

Held out are the prompts with the lowest seeded hashes. So the split does not depend on the order of the input, all
records of one prompt stay together, and rows that are added later move almost nothing. The dataset was surveyed when it
was checked; it is read once more to write it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from finetune.domain.evaluation.items import EvaluationItem, asked_of, item_tokens
from finetune.domain.findings import Finding, OnFinding
from finetune.domain.json_lines import to_jsonl
from finetune.domain.records.record import Disposition
from finetune.domain.records.source import Source
from finetune.domain.similarity.near_duplicates import MOST_GROUPED
from finetune.domain.similarity.overlap import Overlap
from finetune.domain.staging.assignment import Wanted, held_out
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.writer import StagedFile, Writer, write
from finetune.domain.validation.check import Role, check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules
from finetune.domain.validation.survey import OpenSource, Survey, Surveyor


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the staged files are written; nothing is written where nothing is staged."""

    training: BinaryIO
    validation: BinaryIO
    evaluation: BinaryIO


@dataclass(frozen=True, slots=True)
class Inputs:
    """A dataset with the sets of one's own beside it; each function opens one of them from its beginning.

    A validation set is JSON Lines. Records that would be staged for training as a line in `left_out` are left out, as
    those that an evaluation set asks for.
    """

    dataset: OpenSource
    suffix: str
    evaluation_items: Sequence[EvaluationItem] = ()
    validation: OpenSource | None = None
    left_out: Collection[bytes] = ()


@dataclass(frozen=True, slots=True)
class Surveys:
    """Files for the surveys of a dataset and of the validation set beside it."""

    dataset: BinaryIO
    validation: BinaryIO


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where every line, row or element of a source went. The parts add up to `total`, or there is no Accounting."""

    total: int
    staged: int
    duplicates: int
    leaked: int
    rejected: int
    blank: int

    def __post_init__(self) -> None:
        if self.staged + self.duplicates + self.leaked + self.rejected + self.blank != self.total:
            raise ValueError(f"the records do not add up: {self}")


@dataclass(frozen=True, slots=True)
class PreparedDataset:
    """What was staged and what was not, and why.

    `removed` holds the first lines of the dataset by reason, `validation_removed` those of the project's own validation
    set. `media` says whether staged records refer to images or videos. `problems` are bounds of the base model that no
    longer hold. `notes` are sentences about what was done differently from what the settings ask.
    """

    training: StagedFile | None
    validation: StagedFile | None
    evaluation: StagedFile | None
    accounting: Accounting
    validation_accounting: Accounting | None
    removed: Mapping[str, tuple[int, ...]]
    validation_removed: Mapping[str, tuple[int, ...]]
    media: bool
    problems: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def training_tokens(self) -> int:
        """Estimated tokens of one epoch."""
        return self.training.estimated_tokens if self.training else 0

    @property
    def most_training_tokens(self) -> int:
        """The most that they may be."""
        return self.training.most_tokens if self.training else 0

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {**asdict(self), "training_tokens": self.training_tokens}


_REASONS = {
    Disposition.REJECTED: "rejected",
    Disposition.DUPLICATE: "duplicate",
    Disposition.IN_EVALUATION: "overlaps-evaluation",
    Disposition.IN_VALIDATION: "overlaps-validation",
}


class Reports(NamedTuple):
    """The reports on a dataset and on the validation set beside it."""

    dataset: DatasetReport
    validation: DatasetReport | None


def check_and_survey(
    inputs: Inputs,
    rules: DatasetRules,
    seed: int,
    surveys: Surveys,
    *,
    only_accepted: bool = True,
    on_finding: Mapping[Role, OnFinding] = {},
    **options: Any,
) -> Reports:
    """Check a dataset and, in the same pass, survey it for `stage_dataset`, with the sets that it must not repeat.

    If `only_accepted`, the survey of a dataset with too many records is not finished. `on_finding` gets every
    finding on each set; `options` are those of `check_dataset`. Records of the validation set count towards the
    dataset's bounds if the base model counts them.
    """
    items = inputs.evaluation_items
    overlaps = [(Disposition.IN_EVALUATION, Overlap(map(asked_of, items)))] if items else []

    def surveyor(file: BinaryIO, most_questions: int = 0) -> Surveyor:
        form = rules.record_format
        return Surveyor(file, form, seed, overlaps, most_questions=most_questions, only_accepted=only_accepted)

    validation, counted = None, 0
    if inputs.validation:
        own = surveyor(surveys.validation, rules.bounds("validation").maximum) if rules.validation_allowed else None
        given: dict[str, Any] = {"suffix": ".jsonl", "rules": rules, "role": "validation", "surveyor": own}
        validation = check_dataset(inputs.validation(), on_finding=on_finding.get("validation"), **given, **options)
        if own:
            overlaps = [*overlaps, (Disposition.IN_VALIDATION, Overlap(own.questions))]
            counted = validation.distinct
    dataset = check_dataset(
        inputs.dataset(),
        suffix=inputs.suffix,
        rules=rules,
        counted_elsewhere=counted,
        surveyor=surveyor(surveys.dataset),
        on_finding=on_finding.get("training"),
        **options,
    )
    return Reports(dataset, validation)


def stage_dataset(
    inputs: Inputs,
    rules: DatasetRules,
    shares: Shares,
    surveys: Surveys,
    sinks: Sinks,
    *,
    window_bytes: int = 1 << 25,
    entries_per_reason: int = 20,
) -> PreparedDataset:
    """Stage a dataset that `check_and_survey` surveyed; the same input gives the same bytes in every process.

    Rejected records are left out and accounted for. Nothing is held out for evaluation if there are `evaluation_items`,
    and nothing for validation if there is a validation set or the base model takes none. Raises ValueError if the
    inputs have changed since the survey, SurveyUnreadable if other code surveyed them.
    """
    items = inputs.evaluation_items
    notes: list[str] = []
    validation: Survey | None = None
    if inputs.validation and rules.validation_allowed:
        validation = Survey(surveys.validation)
        validation.settle({}, Disposition.VALIDATION)
    elif inputs.validation:
        notes.append(f"{rules.name} takes no validation set; the validation file is not used.")
    survey = Survey(surveys.dataset)
    wanted = Wanted.of(survey, rules, shares, evaluate=not items, validate=inputs.validation is None)
    notes += wanted.notes
    if survey.near_copies_unsought:
        notes.append(f"Near copies were not kept together: there are more than {MOST_GROUPED:,} different prompts.")
    survey.settle(held_out(survey, wanted), Disposition.TRAINING)

    training, held, evaluation = (
        Writer(sink, rules.provider) for sink in (sinks.training, sinks.validation, sinks.evaluation)
    )
    writers = {Disposition.TRAINING: training, Disposition.VALIDATION: held, Disposition.EVALUATION: evaluation}
    if not write(
        Source(inputs.dataset(), inputs.suffix, rules.columns), survey, rules, writers, window_bytes, inputs.left_out
    ):
        notes.append(f"The staged records are shuffled {window_bytes >> 20} MiB at a time; the dataset is larger.")
    if validation and inputs.validation:
        write(Source(inputs.validation(), ".jsonl"), validation, rules, {Disposition.VALIDATION: held}, window_bytes)
    for item in items:
        evaluation.write(to_jsonl((item,)), item_tokens(item, rules.provider))
    staged = training.staged(), held.staged(), evaluation.staged()
    return PreparedDataset(
        training=staged[0],
        validation=staged[1],
        evaluation=staged[2],
        accounting=_accounting(survey),
        validation_accounting=_accounting(validation) if validation else None,
        removed=_removed(survey, entries_per_reason),
        validation_removed=_removed(validation, entries_per_reason) if validation else {},
        media=survey.media or (validation is not None and validation.media),
        problems=_problems(training.records, held.records, rules),
        notes=tuple(notes),
    )


def prepare_dataset(
    inputs: Inputs, rules: DatasetRules, shares: Shares, seed: int, sinks: Sinks, **options: int
) -> PreparedDataset:
    """`check_and_survey` without lint or a report, and `stage_dataset` with its options."""
    dataset, validation = BytesIO(), BytesIO()
    check_and_survey(inputs, rules, seed, Surveys(dataset, validation), only_accepted=False, lint=False)
    dataset.seek(0)
    validation.seek(0)
    return stage_dataset(inputs, rules, shares, Surveys(dataset, validation), sinks, **options)


def _accounting(survey: Survey) -> Accounting:
    count = survey.counted()
    return Accounting(
        total=len(survey.dispositions) - count[Disposition.NO_UNIT],
        staged=count[Disposition.TRAINING] + count[Disposition.VALIDATION] + count[Disposition.EVALUATION],
        duplicates=count[Disposition.DUPLICATE],
        leaked=count[Disposition.IN_EVALUATION] + count[Disposition.IN_VALIDATION],
        rejected=count[Disposition.REJECTED],
        blank=count[Disposition.BLANK],
    )


def _removed(survey: Survey, entries: int) -> dict[str, tuple[int, ...]]:
    return {reason: lines for disposition, reason in _REASONS.items() if (lines := survey.first(disposition, entries))}


def _problems(training: int, validation: int, rules: DatasetRules) -> tuple[Finding, ...]:
    counted, asked = rules.counted(training, validation), rules.records
    found = []
    if counted.minimum < asked.minimum:
        left = f"{counted.minimum:,} record{'s are' if counted.minimum != 1 else ' is'} left"
        found.append(("too-few-records", f"{left}; {rules.name} asks for at least {asked.minimum:,}"))
    if counted.maximum > asked.maximum:
        staged = f"{counted.maximum:,} records are staged"
        found.append(("too-many-records", f"{staged}; {rules.name} takes at most {asked.maximum:,}"))
    bounds = rules.validation_records
    if bounds and validation and not bounds.minimum <= validation <= bounds.maximum:
        code = "too-few-records" if validation < bounds.minimum else "too-many-records"
        found.append(
            (code, f"{validation:,} validation records are staged, not {bounds.minimum:,} to {bounds.maximum:,}")
        )
    return tuple(Finding(None, code, message) for code, message in found)
