"""What `finetune doctor` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Ask AWS whether runs can work: account, quotas, models, stack, mails, roles and key.

    Before the first drop and any time later, also before the stack is deployed. Nothing is changed. It costs less than
    $0.001, for one token of the base model and one of the judge, and takes about a minute. What cannot be asked is
    named, and is never taken for right.
    """

    EXAMPLE: ClassVar = "finetune doctor shop-assistant"
    YES: ClassVar = "every line is ok or a warning"
    NO: ClassVar = "a line is wrong or could not be asked"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="ask about this project's settings (default: the default settings)"
    )
