"""What `finetune check` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from finetune_cli.options import Count, DatasetOptions, File, Folder, argument, option

# Lines listed of each code: for people, and for programs.
SHOWN, ENTRIES = 5, 20


@dataclass(frozen=True, kw_only=True)
class Options(DatasetOptions):
    """Check datasets by the code that the pipeline runs, without AWS."""

    EXAMPLE: ClassVar = "finetune check data.jsonl --settings settings.yaml --evaluation evaluation.jsonl"
    YES: ClassVar = "all files are accepted"
    NO: ClassVar = "one is rejected"

    files: tuple[Path, ...] = argument(
        File(), nargs=-1, required=True, metavar="FILE...", help="datasets: .jsonl, .json or .csv"
    )
    validation: Path | None = option(File(), metavar="FILE", help="the project's own validation set: .jsonl")
    evaluation: Path | None = option(File(), metavar="FILE", help="the project's own evaluation set: .jsonl")
    media: Path | None = option(
        Folder(),
        metavar="FOLDER",
        help="what is or will be projects/<project>/media/, to look for images and videos there (default: do not look)",
    )
    html: Path | None = option(File(), metavar="OUT", help="write the report as a page for a browser")
    fix: Path | None = option(
        File(), metavar="OUT", help="write what can be used, cleaned and in the base model's format"
    )
    entries: int | None = option(
        Count(), metavar="N", help=f"lines to list of each code (default: {SHOWN}, in JSON {ENTRIES})"
    )
