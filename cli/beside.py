"""The project's own validation and evaluation set beside a dataset: each checked, then all of them together."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.files import chunks, project_file
from cli.findings import first, plural
from cli.rules import settings_of
from finetune.domain.dataset import check_dataset
from finetune.domain.evaluation_set import EvaluationItem, check_evaluation_set
from finetune.domain.rules import DatasetRules
from finetune.domain.split import Inputs, PreparedDataset, Shares, Sinks, prepare_dataset

if TYPE_CHECKING:
    from cli.check import Checked

_REASONS = {
    "overlaps-evaluation": "left out because the evaluation set asks the same",
    "overlaps-validation": "left out because the validation set asks the same",
    "duplicate": "left out as duplicates",
}


def check_beside(checked: Checked, rules: DatasetRules, options: argparse.Namespace, entries: int) -> None:
    """Check the sets given in the options, and what a run would stage of all when each is accepted."""
    items: tuple[EvaluationItem, ...] | None = None
    if options.validation:
        path, suffix = project_file(options.validation, "validation")
        checked.validation = check_dataset(
            chunks(path),
            suffix=suffix,
            rules=rules,
            role="validation",
            entries_per_code=entries,
            counted_elsewhere=checked.report.records,
        )
    if options.evaluation:
        path, suffix = project_file(options.evaluation, "evaluation")
        items, checked.evaluation = check_evaluation_set(chunks(path), suffix=suffix, entries_per_code=entries)
    if checked.accepted:
        checked.staged = _staged(checked, rules, options, items)


def _staged(
    checked: Checked, rules: DatasetRules, options: argparse.Namespace, items: tuple[EvaluationItem, ...] | None
) -> dict[str, Any]:
    settings, validation = settings_of(options), options.validation
    split = settings.split
    with Path(os.devnull).open("wb") as nowhere:
        prepared = prepare_dataset(
            Inputs(
                lambda: chunks(checked.path),
                checked.suffix,
                evaluation_items=items or (),
                validation=(lambda: chunks(validation)) if validation else None,
            ),
            rules,
            Shares(split.validation, split.evaluation, settings.gates.minimum_items),
            split.seed,
            Sinks(nowhere, nowhere, nowhere),
            entries_per_reason=sys.maxsize,
        )
    return {
        **prepared.as_dict(),
        "problems": [problem.message for problem in prepared.problems],
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
        f"Line{'s' if len(lines) > 1 else ''} {first(lines)} {'are' if len(lines) > 1 else 'is'} {words}."
        for reason, words in _REASONS.items()
        if (lines := prepared.removed.get(reason))
    ]
    problems = [f"{problem.message}." for problem in prepared.problems]
    return " ".join([together, *left_out, *prepared.notes, *problems])
