"""What `finetune review` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finetune_cli.options import CommandOptions, File, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(CommandOptions):
    """Read people's ratings from a human-review.csv, or scores from an answers.csv, and decide the verdict again.

    Ratings are whole numbers from 1 to 5; the command also shows how far they agree with the metric and the judge.
    A run's answers.csv has one row per item and model, without the models' names: let any program of yours fill in
    score, a number from 0 to 1, and keep the other columns. Then these scores decide, by the run's own gates, over the
    items whose answers all have one. The command changes nothing in the account.
    """

    EXAMPLE: ClassVar = "finetune review human-review.csv"
    YES: ClassVar = "the verdict is to promote"
    NO: ClassVar = "the verdict is another one"

    form: Path = argument(
        File(),
        metavar="FILE",
        help="the human-review.csv or answers.csv of a run; rows that are not filled in are ignored",
    )
    evaluation: Path | None = option(
        File(), metavar="FILE", help="the run's evaluation.json (default: the one in the folder of FILE)"
    )
