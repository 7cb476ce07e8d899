"""What `finetune status` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """List the model that each project has in service, and warn of endpoints that exist but are not published.

    How each is used in the last seven days is told by CloudWatch: calls, errors, throttling, latency, the length of
    answers, and the price of a day. Runs that ask the model in service are among the calls.
    """

    EXAMPLE: ClassVar = "finetune status --json"
    YES: ClassVar = "something is in service or open"
    NO: ClassVar = "nothing is in service or open"

    project: str | None = argument(
        required=False, metavar="PROJECT", help="one project, as in incoming/<project>/ (default: all projects)"
    )
