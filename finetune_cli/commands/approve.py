"""What `finetune approve` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import DecisionOptions


@dataclass(frozen=True, kw_only=True)
class Options(DecisionOptions):
    """Let a run that asks go on.

    The first answer to a question holds; whoever answers later is told which that was. The answer is kept with your
    ARN. What was shown must still hold: if the budget, a price or the model in service has changed, the run asks again.
    """

    EXAMPLE: ClassVar = "finetune approve shop-assistant-20261121-091431-f47b5683"
    YES: ClassVar = "the run is approved, by this answer or an earlier one"
    NO: ClassVar = "something else holds"
