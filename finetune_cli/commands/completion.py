"""What `finetune completion` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import click

from finetune_cli.options import CommandOptions, argument

SHELLS = ("bash", "fish", "powershell", "zsh")


@dataclass(frozen=True, kw_only=True)
class Options(CommandOptions):
    """Print the script that lets a shell complete commands, options and file names."""

    EXAMPLE: ClassVar = 'eval "$(finetune completion bash)"'
    YES: ClassVar = "the script is printed"

    shell: str = argument(click.Choice(SHELLS), metavar="SHELL", help="bash, fish, powershell or zsh")
