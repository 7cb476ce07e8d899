"""What `finetune review` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finetune_cli.options import CommandOptions, File, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(CommandOptions):
    """Read people's ratings from a human-review.csv, and decide the verdict again with them.

    The ratings are whole numbers from 1 to 5. The command also shows how far they agree with the metric and the judge.
    """

    EXAMPLE: ClassVar = "finetune review human-review.csv"
    YES: ClassVar = "the verdict is to promote"
    NO: ClassVar = "the verdict is another one"

    form: Path = argument(
        File(), metavar="FILE", help="the human-review.csv of a run; rows without ratings are ignored"
    )
    evaluation: Path | None = option(
        File(), metavar="FILE", help="the run's evaluation.json (default: the one in the folder of FILE)"
    )
