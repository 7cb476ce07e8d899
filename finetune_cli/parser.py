"""The command line as click parses it; only the command that is called is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from finetune_cli import COMMANDS
from finetune_cli.answer import Answer, as_json
from finetune_cli.console import Console, tell

if TYPE_CHECKING:
    from finetune_cli.options import CommandOptions

PROGRAM = "finetune"
# The variable with which a shell asks how a line can go on; the scripts that click prints set it.
COMPLETION = "_FINETUNE_COMPLETE"


class Finetune(click.Group):
    """The command with its subcommands, known by their names and summaries until one is called."""

    def __init__(self) -> None:
        super().__init__(
            PROGRAM,
            commands={name: click.Command(name, short_help=summary) for name, summary in COMMANDS.items()},
            params=[
                _printing("--version", "print the version and the hash of the code", _version),
                _printing("--help", "show this message", click.Context.get_help),
            ],
            add_help_option=False,
            help="Check and prepare datasets, and manage the models in service.",
            epilog="Every command takes --json and --help, and exits with 0 for yes, 1 for no, 2 if it could not run.",
        )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command_of(name) if command and name else None, rest


def command_of(name: str) -> click.Command:
    """One command with its options; what does its work is imported when it runs."""
    options: type[CommandOptions] = import_module(f"finetune_cli.commands.{name}").Options

    def run(*, json: bool, **given: Any) -> int:
        console = Console(None if json else sys.stdout)
        asked = options(**given)
        asked.enter()
        answer: Answer = import_module(f"finetune_cli.{name}").run(asked, console)
        if json:
            tell(as_json(name, answer.exit_code, result=answer.result))
        return answer.exit_code

    no = f", 1 when {options.NO}" if options.NO else ""
    return click.Command(
        name,
        callback=run,
        params=[
            *options.parameters(),
            click.Option(["--json"], is_flag=True, help="answer with one JSON object"),
            _printing("--help", "show this message", click.Context.get_help),
        ],
        add_help_option=False,
        help=options.__doc__,
        epilog=f"Exits with 0 when {options.YES}{no}, 2 if it could not run.\n\n\b\nExample:\n  {options.EXAMPLE}",
    )


def _printing(flag: str, what: str, text: Callable[[click.Context], str]) -> click.Option:
    """An option that prints and ends, whatever else the line says."""

    def end(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            tell(text(context))
            context.exit()

    return click.Option([flag], is_flag=True, is_eager=True, expose_value=False, callback=end, help=f"{what} and exit")


def _version(_: click.Context) -> str:
    return f"{import_module('finetune.version').code_name()}..."
