"""`finetune sample`: an example dataset to start from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from finetune_cli import files
from finetune_cli.authoring.samples import FORMATS, most_records, sample
from finetune_cli.failure import UsageFailure


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parser of the command."""
    parser = commands.add_parser(
        "sample",
        help="write an example dataset to start from",
        description="Write an example dataset: the service desk of a maker of household appliances.",
    )
    parser.add_argument("--records", type=int, required=True, metavar="N", help="how many records")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="conversation",
        metavar="F",
        help=f"record format: {', '.join(FORMATS)} (default: %(default)s, what Nova and Llama take)",
    )
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="another seed, other records (default: 7)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the dataset; the same options write the same bytes."""
    most = most_records(options.format)
    if not 1 <= options.records <= most:
        raise UsageFailure(
            f"--records {options.records} is not between 1 and {most:,}, the most that are all different."
        )
    if options.out:
        files.require_suffix(options.out, ".csv" if options.format == "csv" else ".jsonl")
    lines = sample(options.records, options.format, options.seed)
    if options.out:
        with files.replaced(options.out, inputs=()) as file:
            file.writelines(line + b"\n" for line in lines)
        return 0
    for line in lines:
        sys.stdout.write(line.decode() + "\n")
    return 0
