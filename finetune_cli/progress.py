"""A progress bar for files that take their time, shown to people only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from finetune_cli.files import chunks, name_of

LARGE_BYTES = 32 * 1024 * 1024


def watched(path: Path, what: str) -> Iterable[bytes]:
    """The bytes of a file; while a large one is read, a bar on standard error says how far that is."""
    if not sys.stderr.isatty() or path.stat().st_size < LARGE_BYTES:
        return chunks(path)
    return _with_bar(path, what)


def _with_bar(path: Path, what: str) -> Iterator[bytes]:
    from rich.console import Console  # noqa: PLC0415 - takes longer than checking a small file
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - so

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{what} {name_of(path)}", total=path.stat().st_size)
        for piece in chunks(path):
            # In smaller steps, so that the bar moves while a piece is worked on.
            for start in range(0, len(piece), 1 << 20):
                step = piece[start : start + (1 << 20)]
                yield step
                progress.advance(task, len(step))
