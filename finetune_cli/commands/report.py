"""What `finetune report` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finetune_cli.options import File, RunOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Open a run's report in the browser, or write it to a file.

    A run whose dataset was rejected has no report, but a page about the dataset, which is opened instead. The page
    shows questions and answers of the evaluation; the copy stays where it was written.
    """

    EXAMPLE: ClassVar = "finetune report shop-assistant-20261121-091431-a1b2c3d4"
    YES: ClassVar = "the page is written"
    NO: ClassVar = "the run has no such page"

    dataset: bool = option(is_flag=True, help="the page about the dataset")
    out: Path | None = option(
        File(), metavar="FILE", help="write the page to this file and do not open it (default: a temporary file)"
    )
