"""What `finetune show` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Show a run: what came of it and why, its states, models, cost, files and console links.

    Nothing is changed.
    """

    EXAMPLE: ClassVar = "finetune show shop-assistant-20261121-091431-a1b2c3d4"
    YES: ClassVar = "the run is going on or has promoted its model"
    NO: ClassVar = "it ended otherwise"
