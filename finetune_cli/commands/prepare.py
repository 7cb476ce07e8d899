"""What `finetune prepare` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from finetune_cli.options import Count, DatasetOptions, File, argument, option

# What a file is, whatever its name says; OpenAI's exports are JSON.
HINTS = {"csv": ".csv", "json": ".json", "openai": ".json"}


@dataclass(frozen=True, kw_only=True)
class Options(DatasetOptions):
    """Write a new dataset with the records that the base model takes, and list every change.

    Each record is written once and in the base model's format.
    """

    EXAMPLE: ClassVar = "finetune prepare data.csv --out data.jsonl --balance 200"
    YES: ClassVar = "the new dataset is accepted"
    NO: ClassVar = "it is rejected"

    file: Path = argument(File(), metavar="FILE", help="a dataset: .jsonl, .ndjson, .json, .csv or .tsv")
    out: Path = option(File(), required=True, metavar="FILE", help="the file to write: .jsonl")
    changes: Path | None = option(File(), metavar="FILE", help="list the changes in this file, as JSON Lines")
    balance: int | None = option(Count(), metavar="N", help="keep at most N records of each label, or of each topic")
    limit: int | None = option(Count(), metavar="N", help="write at most N records, those that differ most")
    augment: bool = option(
        is_flag=True,
        help="add variants of prompts that a run only trains on, up to the limits of the model, --balance and --limit",
    )
    best: bool = option(
        is_flag=True,
        help="in records of a reward, use the reference answer or the response with the highest score as the answer",
    )
    without_markers: bool = option(
        is_flag=True, help="leave out the marker that answers, and the separator that prompts of the dataset end with"
    )
    hint: str | None = option(click.Choice(sorted(HINTS)), "--from", help="the format of FILE (default: by its name)")
    seed: int = option(click.INT, default=7, metavar="S", help="seed of the choice between equal records (default: 7)")
