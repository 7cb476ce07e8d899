"""What `finetune watch` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import Count, RunOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Watch a run until it ends: its states, the phase of its job, its endpoint, its answers and the money so far.

    Ctrl-C ends only the watching; the same command goes on with it. A connection that breaks is tried again. When the
    output is no terminal, each news is a line. What AWS is asked costs nothing but some requests to S3.
    """

    EXAMPLE: ClassVar = "finetune watch shop-assistant-20261121-091431-a1b2c3d4"
    YES: ClassVar = "the run has promoted its model"
    NO: ClassVar = "it ended otherwise"

    every: int = option(Count(), metavar="SECONDS", default=10, help="seconds between two looks (default: 10)")
