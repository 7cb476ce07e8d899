"""What `finetune compare` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Show two runs side by side: what came of them, their data and their settings.

    Of the settings only those that differ are shown. Scores of different evaluation sets are not comparable, which is
    said. Nothing is changed.
    """

    EXAMPLE: ClassVar = "finetune compare 20261121-091431-a1b2c3d4 20261122-080000-0badcafe"
    YES: ClassVar = "the runs are shown"

    run: str = argument(metavar="RUN", help="a run, as `finetune runs` and its mail name it")
    other: str = argument(metavar="RUN", help="another run")
