"""The project's own validation and evaluation set beside a dataset: each checked, then all of them together."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
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
    "duplicate": "left out because the same record is there already",
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
    problems = [problem.message for problem in prepared.problems]
    if not problems and not prepared.training:
        problems = ["nothing is left to train on"]
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
