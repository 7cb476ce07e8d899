"""What `finetune costs` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """List everything of the stack that is billed now: custom models, deployments, throughput and running jobs.

    Each line names the project and the run that it belongs to, its age, its price, and for a model the day on which it
    is deleted. The account is asked, not only what is published. What cannot be asked is named. Nothing is changed.
    """

    EXAMPLE: ClassVar = "finetune costs shop-assistant"
    YES: ClassVar = "something is billed, or a part could not be asked"
    NO: ClassVar = "nothing is billed"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="one project, as in incoming/<project>/ (default: all projects)"
    )
