"""The `finetune` command: a thin face over the pipeline's own rooms."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cli import COMMANDS
from cli.failure import UsageFailure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. 2 and one sentence on stderr when the command itself could not run."""
    parser = argparse.ArgumentParser(prog="finetune", description="Datasets in, better models out, nothing left behind.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except UsageFailure as failure:
        print(f"finetune: {failure}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
