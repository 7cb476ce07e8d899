"""What `finetune keep` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Keep a custom model, which is otherwise deleted after retention.days or by a later promotion.

    It is billed for its storage until it is let go with --not; then it gets its days anew.
    """

    EXAMPLE: ClassVar = "finetune keep shop-assistant-20261121-103005-0badcafe-c1"
    YES: ClassVar = "the model is kept, or with --not let go"
    NO: ClassVar = "the stack has no such model"

    model: str = argument(metavar="MODEL", help="the name or ARN of a custom model")
    let_go: bool = option(is_flag=True, flag="--not", help="do not keep it any more")
