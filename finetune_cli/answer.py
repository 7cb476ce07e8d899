"""The result of any command, as an exit code and as JSON, or the reason why it could not run."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

EXIT_CODES = {
    0: "yes, or done",
    1: "no",
    2: "the command could not run; one sentence on standard error says why",
    130: "it was stopped by Ctrl-C",
    141: "the program that read the output has ended",
}


TWO_PROJECTS = (
    "{text} is the short name of one project and the full name of another; give the full name of the one, or the short "
    "name of the other, which `finetune status` lists."
)


class UsageFailure(Exception):
    """One sentence for the person at the keyboard; exit code 2."""


class Answer(NamedTuple):
    """Yes or no, and everything that was found, for programs."""

    yes: bool
    result: dict[str, Any]

    @property
    def exit_code(self) -> Literal[0, 1]:
        return 0 if self.yes else 1


def as_json(command: str | None, exit_code: int, **content: Any) -> str:
    """The one object that `--json` prints: a `result`, or the `error` that kept the command from running."""
    import json  # noqa: PLC0415 - only programs wait for it

    return json.dumps({"command": command, "exit_code": exit_code, **content}, indent=2)
