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
    """Write the records that a base model takes to another file, each once and in the model's format, and list every
    change.
    """

    EXAMPLE: ClassVar = "finetune prepare data.csv --out data.jsonl --balance 200"
    YES: ClassVar = "the new dataset is accepted"
    NO: ClassVar = "it is not"

    file: Path = argument(File(), metavar="FILE", help="a dataset: .jsonl, .json or .csv")
    out: Path = option(File(), required=True, metavar="FILE", help="the file to write: .jsonl")
    changes: Path | None = option(File(), metavar="FILE", help="list the changes there, as JSON Lines")
    balance: int | None = option(Count(), metavar="N", help="keep at most N records of every label, or of every topic")
    limit: int | None = option(Count(), metavar="N", help="write at most N records, as different as can be")
    augment: bool = option(
        is_flag=True,
        help="add variants of prompts that a run only trains on, as far as the model, --balance and --limit leave room",
    )
    best: bool = option(
        is_flag=True,
        help="of records of a reward, take the reference answer or the response of the highest score as the answer",
    )
    hint: str | None = option(click.Choice(sorted(HINTS)), "--from", help="what FILE is (default: by its name)")
    seed: int = option(click.INT, default=7, metavar="S", help="decides among equals (default: 7)")
