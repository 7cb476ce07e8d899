"""What `finetune runs` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import Count, StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """List the newest runs with verdict, gain, cost and age, and say what waits for whom.

    The gain is the difference of the metric that decides, between the new model and the one in service, or else the
    base model, with its confidence interval. The cost of a run that goes on is what is expected. Nothing is changed.
    """

    EXAMPLE: ClassVar = "finetune runs shop-assistant"
    YES: ClassVar = "there are runs"
    NO: ClassVar = "there is none"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="one project, as in incoming/<project>/ (default: all projects)"
    )
    most: int = option(Count(), metavar="N", default=20, help="how many runs to list (default: 20)")
