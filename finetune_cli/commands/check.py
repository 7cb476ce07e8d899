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
    """Check datasets with the code of the pipeline, without AWS."""

    EXAMPLE: ClassVar = "finetune check data.jsonl --settings settings.yaml --evaluation evaluation.jsonl"
    YES: ClassVar = "all files are accepted"
    NO: ClassVar = "one is rejected"

    files: tuple[Path, ...] = argument(
        File(), nargs=-1, required=True, metavar="FILE...", help="datasets: .jsonl, .ndjson, .json, .csv or .tsv"
    )
    validation: Path | None = option(File(), metavar="FILE", help="the project's own validation set: .jsonl")
    evaluation: Path | None = option(File(), metavar="FILE", help="the project's own evaluation set: .jsonl")
    media: Path | None = option(
        Folder(),
        metavar="FOLDER",
        help="folder with the files of projects/<project>/media/, to look for images and videos (default: do not look)",
    )
    html: Path | None = option(File(), metavar="OUT", help="write the report to this file, as a page for a browser")
    fix: Path | None = option(
        File(), metavar="OUT", help="write the usable records to this file, cleaned and in the base model's format"
    )
    entries: int | None = option(
        Count(), metavar="N", help=f"how many lines to list for each code (default: {SHOWN}, with --json {ENTRIES})"
    )
