"""What `finetune review` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finetune_cli.options import CommandOptions, File, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(CommandOptions):
    """Read a human-review.csv that people have filled in with whole numbers from 1 to 5, and say how far they agree
    with the metric and the judge, and what the verdict is now.
    """

    EXAMPLE: ClassVar = "finetune review human-review.csv"
    YES: ClassVar = "the verdict is to promote"
    NO: ClassVar = "it is not"

    form: Path = argument(File(), metavar="FILE", help="the human-review.csv of a run; rows left empty do not count")
    evaluation: Path | None = option(
        File(), metavar="FILE", help="the run's evaluation.json, if it does not lie beside the form"
    )
