"""What `finetune resume` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Go on with the model that a run has trained, without training it again.

    A new execution evaluates the model and promotes it if it is better. It keeps the run's dataset, base model, method
    and hyperparameters, and takes the budget, the gates, the deployment and the evaluation set as the project has them
    now. The mail about its end is sent as for any run.
    """

    EXAMPLE: ClassVar = "finetune resume 20261121-091431-a1b2c3d4 --project shop-assistant"
    YES: ClassVar = "the execution was started"
    NO: ClassVar = "there is nothing to go on with, or the run is still going on"

    run: str = argument(metavar="RUN", help="the run, as in the mail about its end")
    project: str | None = option(metavar="PROJECT", help="the project of the run (default: looked for in all projects)")
