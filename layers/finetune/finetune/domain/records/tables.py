"""The rows of a table (CSV) as records of their own, by the names in its header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from finetune.domain.findings import Flaw, quoted
from finetune.domain.records.lines import lines_of
from finetune.domain.records.record import Unit
from finetune.domain.records.strict_json import MAX_LINE_BYTES

# Header names of tables, lower case, as people export them, and the key of a record that each stands for.
COLUMNS = {
    "prompt": "prompt", "question": "prompt", "instruction": "prompt", "user": "prompt",
    "completion": "completion", "answer": "completion", "response": "completion", "output": "completion",
    "assistant": "completion", "label": "completion",
    "system": "system", "text": "text", "image-ref": "image-ref", "caption": "caption",
}  # fmt: skip
_COMPLETE = ({"prompt", "completion"}, {"text"}, {"image-ref", "caption"})


def table_rows(pieces: Iterable[bytes]) -> Iterator[tuple[int, Unit]]:
    """The rows of a table with a header as objects, each with the line it begins on; blank rows come as empty bytes."""
    table = _Table(pieces)
    header = next(table, None)
    if header is None:
        return
    if isinstance(header, Flaw):
        yield 1, header
        return
    keys = [COLUMNS.get(name.strip().lower(), "") for name in header]
    known = [key for key in keys if key]
    if not any(needed <= set(known) for needed in _COMPLETE) or len(set(known)) < len(known):
        yield 1, Flaw("csv-header", "the header does not name the columns prompt and completion, each once")
        return
    if ignored := [quoted(name) for name, key in zip(header, keys, strict=True) if not key]:
        what = f"the columns {', '.join(ignored[:10])} are" if len(ignored) > 1 else f"the column {ignored[0]} is"
        yield 1, Flaw("ignored-key", f"{what} not part of a record and left out")
    line = table.line + 1
    for row in table:
        yield line, row if isinstance(row, Flaw) else _unit(row, keys)
        line = table.line + 1


def _unit(row: list[str], keys: list[str]) -> Unit:
    """The record of a row, whose cells are those of `keys`."""
    if not any(row):
        return b""
    if len(row) != len(keys):
        return Flaw("invalid-csv", f"the row has {len(row)} fields, the header has {len(keys)}")
    cells: dict[str, Any] = {key: cell for key, cell in zip(keys, row, strict=True) if key}
    if not cells.get("system", "x").strip():
        del cells["system"]
    return cells


class _Table:
    """csv.reader over bytes: rows, or what is wrong with one; `line` is the last physical line read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.line = 0
        self._bad: Flaw | None = None
        self._lines = chain.from_iterable(lines_of(pieces))
        first = next(self._lines, b"")
        # Excel says on a line of its own before the header what parts the fields.
        if first[:4].lower() == b"sep=" and first[4:] in (b",", b";", b"\t"):
            self.line, delimiter = 1, first[4:].decode()
        else:
            self._lines = chain((first,) if first else (), self._lines)
            delimiter = max(",;\t", key=first.decode(errors="replace").count)
        csv.field_size_limit(MAX_LINE_BYTES)
        self._rows = csv.reader(self._text(), delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[list[str] | Flaw]:
        return self

    def __next__(self) -> list[str] | Flaw:
        self._bad = None
        try:
            row = next(self._rows)
        except csv.Error:
            return self._bad or Flaw("invalid-csv", "the row has an unclosed or misplaced quote, or a field over 1 MiB")
        return self._bad or row

    def _text(self) -> Iterator[str]:
        for line in self._lines:
            self.line += 1
            if len(line) > MAX_LINE_BYTES:
                self._bad = Flaw("line-too-long", f"is longer than {MAX_LINE_BYTES:,} bytes")
                yield "\n"
                continue
            try:
                yield line.decode() + "\n"
            except UnicodeDecodeError as error:
                self._bad = Flaw("not-utf8", f"has a byte that is not UTF-8 at byte offset {error.start}")
                yield line.decode(errors="replace") + "\n"
