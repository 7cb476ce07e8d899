"""Write the usable records of a dataset to another file, and list the changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from finetune.domain.records.source import Source
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules
from finetune_cli.authoring.cleaning import Change, fixed, require_nothing_left_out
from finetune_cli.authoring.mending import mend
from finetune_cli.files import chunks, name_of, replaced


def write_lines(file: BinaryIO, lines: Iterable[bytes]) -> int:
    """How many lines were written."""
    written = 0
    for line in lines:
        file.write(line)
        written += 1
    return written


def fix(path: Path, suffix: str, out: Path, rules: DatasetRules) -> dict[str, Any]:
    """Write the cleaned dataset; its records, every change by line, the counts of changes, and its own verdict."""
    require_nothing_left_out(Source(chunks(path), suffix, rules.columns))
    changes: list[Change] = []
    with replaced(out, inputs=[path]) as file:
        records = write_lines(
            file, fixed(lambda: Source(chunks(path), suffix, rules.columns), rules, changes.append, mend)
        )
    report = check_dataset(chunks(out), suffix=".jsonl", rules=rules, lint=False)
    return {
        "out": name_of(out),
        "records": records,
        "accepted": report.accepted,
        "problems": [problem.sentence for problem in report.problems],
        "counts": dict(Counter(f"{change.action} {change.code}" for change in changes)),
        "changes": [change.as_dict() for change in changes],
    }
