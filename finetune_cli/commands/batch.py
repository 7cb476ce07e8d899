"""What `finetune batch` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from finetune_cli.options import Count, File, StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Ask a model every prompt of a file, and write the answers to another file with latency, tokens, price and error.

    Prompts are JSON Lines with `prompt` or `messages`, and perhaps `system`, or text with one prompt a line. What all
    of it costs at most is said and asked before the first call. The model is asked as fast as it takes. If the command
    was interrupted, run it again: what was answered is not asked again, what failed is.
    """

    EXAMPLE: ClassVar = "finetune batch shop-assistant prompts.jsonl --out answers.jsonl --most-usd 2"
    YES: ClassVar = "every prompt is answered"
    NO: ClassVar = "one is not, it may cost too much, or the answer was no"

    model: str = argument(
        metavar="PROJECT|MODEL", help="a project, the ARN of its endpoint, its model in service, or a base model"
    )
    file: Path = argument(File(), metavar="FILE", help="the prompts: .jsonl or .txt")
    out: Path = option(File(), metavar="FILE", required=True, help="the answers: JSON Lines, one for each prompt")
    system: str | None = option(metavar="TEXT", help="the system prompt of prompts that have none of their own")
    max_tokens: int | None = option(
        Count(), metavar="N", help="cut answers at N tokens (default: as in the evaluation)"
    )
    most_usd: float | None = option(
        click.FloatRange(min=0), metavar="USD", help="ask nothing if all of it may cost more"
    )
    yes: bool = option(is_flag=True, help="do not ask before it is billed")
