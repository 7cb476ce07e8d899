"""The `finetune` command: a thin face over the pipeline's own rooms."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from finetune.errors import FineTuneError
from finetune_cli import COMMANDS
from finetune_cli.failure import UsageFailure


class _Version(argparse.Action):
    """Prints which code this is; the hash of it is taken only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"{parser.prog}, sha256 {import_module('finetune.version').code_version()}...")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. 2 and one sentence on stderr when the command itself could not run."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="finetune", description="Datasets in, better models out, nothing left behind."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which code this is")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="finetune")
    # A command's imports are paid only by those who use it.
    for name in given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS:
        import_module(f"finetune_cli.{name}").add(commands)
    chosen = parser.parse_args(given)
    try:
        code = int(chosen.run(chosen))
        sys.stdout.flush()
        return code
    except (UsageFailure, FineTuneError) as failure:
        print(f"finetune: {failure}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _drop_output()
        return 141
    except OSError as error:
        print(f"finetune: {(error.strerror or str(error)).lower()}.", file=sys.stderr)
        _drop_output()
        return 2
    except KeyboardInterrupt:
        return 130


def _drop_output() -> None:
    """What is left unwritten would be complained about once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
