"""`finetune report`: a run's report, opened or written to a file."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path

from finetune.aws import storage
from finetune_cli import past, stack
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.commands.report import Options
from finetune_cli.console import Console

_REPORT, _DATASET = "report.html", "validation.html"


def run(options: Options, console: Console) -> Answer:
    """Yes once the page is written."""
    by = stack.removing(options.stack)
    found = past.find(by, options.run)
    pages = (_DATASET,) if options.dataset else (_REPORT, _DATASET)
    told = ((name, storage.read(by.s3, f"{found.folder}/{name}")) for name in pages)
    name, content = next(((name, content) for name, content in told if content is not None), ("", b""))
    if not name:
        console.warn(f"finetune: run {found.name} has no {' and no '.join(pages)} yet; its verdict: {found.verdict}.")
        return Answer(False, {"run": found.name, "page": None, "file": None})
    path = options.out or Path(tempfile.mkdtemp(prefix="finetune-")) / f"{found.name}-{name}"
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageFailure(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from None
    opened = options.out is None and not console.silent and sys.stdout.isatty() and webbrowser.open(path.as_uri())
    what = "the report" if name == _REPORT else "the page about the dataset"
    console.write(f"{'Opened' if opened else 'Wrote'} {what} of run {found.name}: {path}")
    return Answer(True, {"run": found.name, "page": name, "file": str(path)})
