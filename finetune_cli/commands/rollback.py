"""What `finetune rollback` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Put a project's previous model back into service.

    The project's endpoint keeps its ARN and gets the previous model. The model is asked a question before it is
    published. Bedrock needs some minutes for this. If a rollback was interrupted, run the command again to continue it.
    """

    EXAMPLE: ClassVar = "finetune rollback shop-assistant"
    YES: ClassVar = "the previous model is published"
    NO: ClassVar = "there is no previous model"

    project: str = argument(metavar="PROJECT", help="the project, as in incoming/<project>/")
