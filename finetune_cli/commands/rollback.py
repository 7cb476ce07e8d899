"""What `finetune rollback` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Put the previous model back behind the project's endpoint, ask it and publish it. The ARN stays the same. This
    takes the service some minutes; a rollback that was interrupted goes on when it is called again.
    """

    EXAMPLE: ClassVar = "finetune rollback shop-assistant"
    YES: ClassVar = "the previous model is published"
    NO: ClassVar = "there is none"

    project: str = argument(metavar="PROJECT", help="the project, as in incoming/<project>/")
