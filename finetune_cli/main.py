"""The `finetune` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from click.exceptions import Exit, NoArgsIsHelpError

from finetune.errors import FineTuneError
from finetune.foreign import SERVICE_CHARACTERS, foreign
from finetune_cli import COMMANDS
from finetune_cli.answer import UsageFailure, as_json
from finetune_cli.console import complain, tell
from finetune_cli.parser import COMPLETION, PROGRAM, Finetune

# What an extra of the distribution brings.
_EXTRAS = {"boto3": "aws", "botocore": "aws"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code is one of `answer.EXIT_CODES`."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_output()
        return 141
    except OSError as error:
        complain(f"{PROGRAM}: {(error.strerror or str(error)).lower()}.")
        _drop_output()
        return 2
    except KeyboardInterrupt:
        return 130


def _run(given: list[str]) -> int:
    finetune = Finetune()
    if asked := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete  # noqa: PLC0415 - nobody else waits for it

        return shell_complete(finetune, {}, PROGRAM, COMPLETION, asked)
    command = given[0] if given and given[0] in COMMANDS else None
    try:
        with finetune.make_context(PROGRAM, [*given]) as context:
            return int(finetune.invoke(context))
    except Exit as ended:
        return ended.exit_code
    except NoArgsIsHelpError as unused:
        unused.show()
        return 2
    except click.UsageError as error:
        sentence = f"{_sentence(error)} See `{PROGRAM}{f' {command}' if command else ''} --help`."
    except (UsageFailure, FineTuneError) as failure:
        sentence = str(failure)
    except ModuleNotFoundError as missing:
        sentence = _lacking(missing)
    complain(f"{PROGRAM}: {sentence}")
    if "--json" in given:
        tell(as_json(command, 2, error=sentence))
    return 2


def _sentence(error: click.UsageError) -> str:
    """What click says of a line that it cannot read, as one line with a full stop."""
    message = foreign(error.format_message(), SERVICE_CHARACTERS)
    return message if message.endswith((".", "?", "?)")) else f"{message}."


def _lacking(missing: ModuleNotFoundError) -> str:
    """How to install the extra with a missing module; a module of no extra is an error of this project."""
    name = (missing.name or "").partition(".")[0]
    if name not in _EXTRAS:
        raise missing
    extra = _EXTRAS[name]
    return f"This command needs {name}. Install the extra {extra}: pip install '<folder of the clone>[{extra}]'."


def _drop_output() -> None:
    """Discard unwritten output, because the interpreter would report the error again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
