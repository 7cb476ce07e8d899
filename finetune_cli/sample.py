"""`finetune sample`: an example dataset to start from."""

from __future__ import annotations

import sys

from finetune_cli import files
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.authoring.samples import most_records, sample
from finetune_cli.commands.sample import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Write the dataset; the same options write the same bytes."""
    most = most_records(options.format)
    if not 1 <= options.records <= most:
        raise UsageFailure(
            f"--records {options.records} is not between 1 and {most:,}, the number of different records."
        )
    lines = (line + b"\n" for line in sample(options.records, options.format, options.seed))
    if options.out:
        files.require_suffix(options.out, ".csv" if options.format == "csv" else ".jsonl")
        with files.replaced(options.out, inputs=()) as file:
            file.writelines(lines)
    elif console.silent:
        raise UsageFailure("--json needs --out, because without it the dataset itself goes to standard output.")
    else:
        sys.stdout.buffer.writelines(lines)
    return Answer(True, {"out": options.out and files.name_of(options.out), "records": options.records})
