"""What `finetune ask` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import Count, StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Ask the model that a project has in service, or a base model, one question or several.

    Without a question on the command line, each line that is typed is one of a conversation, and standard input that is
    no terminal is one question. Answers are billed by the token, or by the hour on throughput. What a question costs at
    most is said before; above $0.10 in all, or at an unknown price, you are asked first. The parameters are those with
    which the model was evaluated. Questions and answers are kept nowhere.
    """

    EXAMPLE: ClassVar = "finetune ask shop-assistant 'How long is the warranty?' --compare"
    YES: ClassVar = "every model has answered"
    NO: ClassVar = "one has not, or the answer was no"

    model: str = argument(
        metavar="PROJECT|MODEL", help="a project, the ARN of its endpoint, its model in service, or a base model"
    )
    prompt: str | None = argument(required=False, metavar="PROMPT", help="the question (default: a conversation)")
    compare: bool = option(is_flag=True, help="ask the base model too")
    system: str | None = option(metavar="TEXT", help="the system prompt, as in the dataset (default: none)")
    max_tokens: int | None = option(
        Count(), metavar="N", help="cut answers at N tokens (default: as in the evaluation)"
    )
    yes: bool = option(is_flag=True, help="do not ask before it is billed")
