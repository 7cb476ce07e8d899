"""`finetune completion`: the script by which a shell asks this command how a line can go on."""

from __future__ import annotations

from click.shell_completion import get_completion_class

from finetune_cli.answer import Answer
from finetune_cli.commands.completion import Options
from finetune_cli.console import Console
from finetune_cli.parser import COMPLETION, PROGRAM, Finetune


def run(options: Options, console: Console) -> Answer:
    """Print the script of click for the shell."""
    shell = get_completion_class(options.shell)
    if shell is None:
        raise LookupError(options.shell)
    script = shell(Finetune(), {}, PROGRAM, COMPLETION).source()
    console.write(*script.split("\n"))
    return Answer(True, {"shell": options.shell, "script": script})
