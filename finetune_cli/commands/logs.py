"""What `finetune logs` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import Count, RunOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Print what the functions of the pipeline logged about a run, oldest first.

    Each line tells which function ended, with counts and verdicts; texts of the dataset are never logged. The logs are
    those of CloudWatch, which keeps them as long as the stack's parameter says.
    """

    EXAMPLE: ClassVar = "finetune logs shop-assistant-20261121-091431-a1b2c3d4"
    YES: ClassVar = "there are lines"
    NO: ClassVar = "there is none"

    most: int = option(Count(), metavar="N", default=1_000, help="print at most N lines (default: 1,000)")
