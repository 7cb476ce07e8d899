"""A progress bar for files that take their time, shown to people only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from finetune_cli.files import chunks, name_of

LARGE_BYTES = 32 * 1024 * 1024


def watched(path: Path, what: str) -> Iterable[bytes]:
    """The bytes of a file; while a large one is read, a bar on standard error says how far that is."""
    if not sys.stderr.isatty() or path.stat().st_size < LARGE_BYTES:
        return chunks(path)
    return _with_bar(path, what)


def _with_bar(path: Path, what: str) -> Iterator[bytes]:
    size = path.stat().st_size
    with click.progressbar(length=size, label=f"{what} {name_of(path)}", file=sys.stderr, show_percent=True) as bar:
        for piece in chunks(path):
            # In smaller steps, so that the bar moves while a piece is worked on.
            for start in range(0, len(piece), 1 << 20):
                step = piece[start : start + (1 << 20)]
                yield step
                bar.update(len(step))
