"""The project's own validation and evaluation set beside a dataset: each checked, then all of them together."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, Surveys, check_and_survey, stage_dataset
from finetune.domain.validation.rules import DatasetRules
from finetune_cli.checked import Checked
from finetune_cli.commands.check import Options
from finetune_cli.files import chunks, project_file
from finetune_cli.findings import first, plural
from finetune_cli.progress import watched
from finetune_cli.rules import hold_out, settings_of

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
        surveys.dataset.seek(0)
        surveys.validation.seek(0)
        checked.staged = _staged(replace(inputs, dataset=lambda: chunks(path)), rules, hold_out(options), surveys)
    return checked


def _staged(inputs: Inputs, rules: DatasetRules, shares: Shares, surveys: Surveys) -> dict[str, Any]:
    with Path(os.devnull).open("wb") as nowhere:
        sinks = Sinks(nowhere, nowhere, nowhere)
        prepared = stage_dataset(inputs, rules, shares, surveys, sinks, entries_per_reason=sys.maxsize)
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
