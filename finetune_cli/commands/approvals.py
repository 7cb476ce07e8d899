"""What `finetune approvals` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """List the runs that wait for somebody's answer, with what it would cost, since when and until when.

    A run asks before it trains if its estimate is above budget.approve_above_usd, and before anything that is billed by
    the hour goes into service if budget.service_usd_per_month does not cover it.
    """

    EXAMPLE: ClassVar = "finetune approvals shop-assistant"
    YES: ClassVar = "a run waits for an answer"
    NO: ClassVar = "none does"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="one project, as in incoming/<project>/ (default: all projects)"
    )
