"""What `finetune sample` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from finetune_cli.authoring.samples import FORMATS
from finetune_cli.options import CommandOptions, File, option


@dataclass(frozen=True, kw_only=True)
class Options(CommandOptions):
    """Write an example dataset: the service desk of a maker of household appliances answers its customers."""

    EXAMPLE: ClassVar = "finetune sample --records 200 --out data.jsonl"
    YES: ClassVar = "the dataset is written"

    records: int = option(click.INT, required=True, metavar="N", help="how many records")
    format: str = option(
        click.Choice(tuple(FORMATS)),
        default="conversation",
        metavar="F",
        help=f"record format: {', '.join(FORMATS)} (default: conversation, what Nova and Llama take)",
    )
    seed: int = option(click.INT, default=7, metavar="S", help="another seed gives other records (default: 7)")
    out: Path | None = option(File(), metavar="FILE", help="the file to write (default: standard output)")
