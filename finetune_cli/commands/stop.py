"""What `finetune stop` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import RunOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(RunOptions):
    """Stop a run that is going on, after asking.

    The execution is stopped. The pipeline then stops the run's job, deletes the endpoint that it opened and sends the
    mail, within some minutes. What a job has trained by then is billed. A model in service stays in service.
    """

    EXAMPLE: ClassVar = "finetune stop shop-assistant-20261121-091431-a1b2c3d4 --yes"
    YES: ClassVar = "the run is stopped"
    NO: ClassVar = "it has ended already, or the answer was no"

    yes: bool = option(is_flag=True, help="do not ask")
