"""The arguments and options of a command: each is one field of a frozen class.

This module and `commands` import only what is fast, because `--help` and the completion of a shell wait for them.
"""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import click

from finetune.domain.catalog import Method

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# What settings that name none mean; reading settings takes longer than checking a small file.
BASE_MODEL = "amazon.nova-micro-v1:0:128k"
METHOD: Method = "FINE_TUNING"
STACK = "finetune"


class File(click.ParamType[Path]):
    """A path; the command that uses it checks it."""

    name = "file"

    def convert(self, value: Any, *_: object) -> Path:
        return Path(value)

    def shell_complete(self, _context: object, _parameter: object, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes waits for it

        return [CompletionItem(incomplete, type=self.name)]


class Folder(File):
    """A path of which a shell completes only folders."""

    name = "dir"


class Count(click.ParamType[int]):
    """A whole number of things, at least one."""

    name = "count"
    least, most = 1, 1_000_000_000

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        written = str(value)  # a default is a number already
        number = int(written) if written.isdecimal() and len(written) <= len(str(self.most)) else -1
        if not self.least <= number <= self.most:
            self.fail(f"must be a whole number from {self.least} to {self.most:,}.", parameter, context)
        return number


class Number(Count):
    """Which of several things, counted from zero."""

    name = "number"
    least, most = 0, 1_000_000


class Methods(click.Choice[Method]):
    """Customization methods as Bedrock spells them, and with hyphens."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        return super().normalize_choice(str(choice).upper().replace("-", "_"), ctx)


def argument(kind: click.ParamType[Any] | None = None, **attributes: Any) -> Any:
    """A field that is an argument of the command; takes the attributes of click.Argument."""
    return field(metadata={"parameter": lambda name: click.Argument([name], type=kind, **attributes)})


def option(
    kind: click.ParamType[Any] | None = None, flag: str | None = None, *, absent: Any = MISSING, **attributes: Any
) -> Any:
    """A field that is an option; its flag is the field's name unless another one is given.

    `absent` is what the field holds for whoever makes the options without a command line and does not name it.
    """

    def made(name: str) -> click.Option:
        return click.Option([name, flag or f"--{name.replace('_', '-')}"], type=kind, **attributes)

    return field(default=absent, metadata={"parameter": made})


@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """The arguments and options of a command; the docstring is its description in `--help`."""

    EXAMPLE: ClassVar[str]
    # When the command exits with 0, and when with 1 if it ever does.
    YES: ClassVar[str]
    NO: ClassVar[str | None] = None

    def enter(self) -> None:
        """Whatever has to be set before the command runs."""

    @classmethod
    def parameters(cls) -> list[click.Parameter]:
        """The parameters for click, one for each field."""
        return [each.metadata["parameter"](each.name) for each in fields(cls)]


@dataclass(frozen=True, kw_only=True)
class DatasetOptions(CommandOptions):
    """The base model, method and settings with which a dataset is checked."""

    base_model: str | None = option(
        metavar="ID", help=f"base model, by any of its ids or in short (default: from --settings, else {BASE_MODEL})"
    )
    method: Method | None = option(
        Methods(get_args(Method)),
        metavar="METHOD",
        help=f"{' or '.join(get_args(Method))} (default: from --settings, else {METHOD})",
    )
    settings: Path | None = option(File(), metavar="FILE", help="the project's settings.yaml")
    prompt_column: str | None = option(metavar="NAME", help="the column of a table that is the prompt")
    answer_column: str | None = option(metavar="NAME", help="the column of a table that is the answer")

    @property
    def columns(self) -> dict[str, str]:
        """The named columns by the parts of a record."""
        named = {"prompt": self.prompt_column, "completion": self.answer_column}
        return {part: name for part, name in named.items() if name}


@dataclass(frozen=True, kw_only=True)
class StackOptions(CommandOptions):
    """Which deployed stack a command uses, and where it is."""

    stack: str = option(metavar="NAME", default=STACK, help=f"the stack (default: {STACK})")
    profile: str | None = option(
        absent=None, metavar="NAME", help="the profile of the AWS CLI (default: from AWS_PROFILE)"
    )
    local: bool = option(absent=False, is_flag=True, help="the local cloud that `python -m local up` keeps running")

    def enter(self) -> None:
        """Let every client of this process use the profile or the local cloud."""
        if self.local:
            from finetune_cli.nearby import enter  # noqa: PLC0415 - nobody else waits for it

            enter()
        elif self.profile:
            os.environ["AWS_PROFILE"] = self.profile


@dataclass(frozen=True, kw_only=True)
class RunOptions(StackOptions):
    """Which run a command is about."""

    run: str = argument(metavar="RUN", help="the run, as `finetune runs` and its mail name it")


@dataclass(frozen=True, kw_only=True)
class DecisionOptions(StackOptions):
    """Which question is answered, and why."""

    run: str = argument(metavar="RUN", help="the run, as its mail and `finetune approvals` name it")
    question: int = option(
        Number(),
        metavar="N",
        default=0,
        help="how often the question had been asked again, as its mail and `finetune approvals` say (default: 0)",
    )
    reason: str = option(metavar="TEXT", default="", help="why; the run's mail repeats it")
