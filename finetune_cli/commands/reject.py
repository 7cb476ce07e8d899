"""What `finetune reject` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import DecisionOptions


@dataclass(frozen=True, kw_only=True)
class Options(DecisionOptions):
    """End a run that asks, before it costs more.

    The first answer to a question holds; whoever answers later is told which that was. The answer is kept with your
    ARN. A model that is trained already is kept, and not put into service.
    """

    EXAMPLE: ClassVar = "finetune reject shop-assistant-20261121-091431-f47b5683 --reason dear"
    YES: ClassVar = "the run is rejected, by this answer or an earlier one"
    NO: ClassVar = "something else holds"
