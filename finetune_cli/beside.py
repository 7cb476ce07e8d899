"""The project's own validation and evaluation set beside a dataset: each checked, then all of them together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from finetune.domain.evaluation.forecast import Forecast
from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.staging.decidable import Decidable, Evidence, stage_decidable
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, Surveys, check_and_survey
from finetune.domain.validation.rules import DatasetRules
from finetune_cli.checked import Checked
from finetune_cli.commands.check import Options
from finetune_cli.files import chunks, project_file
from finetune_cli.findings import first, plural
from finetune_cli.progress import watched
from finetune_cli.rules import settings_of

_REASONS = {
    "overlaps-evaluation": "left out because the evaluation set asks the same question",
    "overlaps-validation": "left out because the validation set asks the same question",
    "duplicate": "left out as a duplicate of another record",
}


def check_together(path: Path, suffix: str, rules: DatasetRules, options: Options, entries: int) -> Checked:
    """Check a dataset and the sets given in the options, and what a run would stage of all when each is accepted."""
    items: tuple[EvaluationItem, ...] = ()
    of_items = None
    if options.evaluation:
        evaluation, own = project_file(options.evaluation, "evaluation")
        items, of_items = check_evaluation_set(chunks(evaluation), suffix=own, entries_per_code=entries)
    validation = options.validation
    inputs = Inputs(
        lambda: watched(path, "checking"),
        suffix,
        evaluation_items=items,
        validation=(lambda: chunks(validation)) if validation else None,
    )
    surveys, seed = Surveys(BytesIO(), BytesIO()), settings_of(options).split.seed
    report, of_validation = check_and_survey(inputs, rules, seed, surveys, entries_per_code=entries)
    checked = Checked(path, suffix, report, validation=of_validation, evaluation=of_items)
    if checked.accepted:
        found = _decidable(replace(inputs, dataset=lambda: chunks(path)), rules, options, surveys)
        checked.staged, checked.forecast = _staged(found.prepared), found.forecast
    return checked


def forecast_of(path: Path, suffix: str, rules: DatasetRules, options: Options) -> Forecast:
    """What a run could tell of a model that is trained on an accepted dataset without sets beside it."""
    inputs, surveys = Inputs(lambda: chunks(path), suffix), Surveys(BytesIO(), BytesIO())
    check_and_survey(inputs, rules, settings_of(options).split.seed, surveys, lint=False)
    return _decidable(inputs, rules, options, surveys).forecast


def _decidable(inputs: Inputs, rules: DatasetRules, options: Options, surveys: Surveys) -> Decidable:
    """What Prepare Dataset would make of the files, were there no model in service."""
    settings = settings_of(options)
    split = settings.split
    asked = Evidence(split.validation, split.evaluation, split.seed, settings.gates, settings.metric)

    def again() -> Surveys:
        surveys.dataset.seek(0)
        surveys.validation.seek(0)
        return surveys

    with TemporaryFile() as training, TemporaryFile() as validation, TemporaryFile() as evaluation:
        sinks = Sinks(training, validation, evaluation)
        return stage_decidable(inputs, rules, again, sinks, asked, entries_per_reason=sys.maxsize)


def _staged(prepared: PreparedDataset) -> dict[str, Any]:
    problems = [problem.message for problem in prepared.problems]
    if not problems and not prepared.training:
        problems = ["no record is left to train on"]
    return {
        **prepared.as_dict(),
        "accepted": not problems,
        "problems": problems,
        "sentence": _sentence(prepared),
    }


def _sentence(prepared: PreparedDataset) -> str:
    """What a run makes of the files together."""
    sizes = [
        plural(staged.records if staged else 0, "record") + use
        for staged, use in (
            (prepared.training, " to train on"),
            (prepared.validation, " to validate on"),
            (prepared.evaluation, " to evaluate with"),
        )
    ]
    together = f"A run with these settings has {sizes[0]}, {sizes[1]} and {sizes[2]}."
    left_out = [
        _left_out(lines, whose, words)
        for removed, whose in ((prepared.removed, ""), (prepared.validation_removed, " of the validation set"))
        for reason, words in _REASONS.items()
        if (lines := removed.get(reason))
    ]
    return " ".join([together, *left_out, *prepared.notes])


def _left_out(lines: Sequence[int], whose: str, words: str) -> str:
    """Lines by number; where several records share a line, the records by their number too."""
    named = list(dict.fromkeys(lines))
    where = f"line{'s' if len(named) > 1 else ''} {first(named)}{whose}"
    if len(named) < len(lines):
        return f"{len(lines):,} records of {where} are {words}."
    return f"{where.capitalize()} {'are' if len(named) > 1 else 'is'} {words}."
