"""What `finetune models` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """List the custom models that the stack has trained, with run, age, price, and whether they are in service or kept.

    Nothing is changed.
    """

    EXAMPLE: ClassVar = "finetune models shop-assistant"
    YES: ClassVar = "there are models"
    NO: ClassVar = "there is none"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="one project, as in incoming/<project>/ (default: all projects)"
    )
