"""The rows of a table (CSV or TSV) as records of their own, by the names in its header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from finetune.domain.findings import Flaw, quoted
from finetune.domain.records.lines import lines_of
from finetune.domain.records.record import Row, Unit
from finetune.domain.records.shapes import has_parts, is_read
from finetune.domain.records.strict_json import MAX_LINE_BYTES

# Names that are read as they stand where the header has no prompt with its answer.
_COMPLETE = ({"text"}, {"image-ref", "caption"})


def table_rows(
    pieces: Iterable[bytes], columns: Mapping[str, str] | None = None, delimiter: str | None = None
) -> Iterator[tuple[int, Unit]]:
    """The rows of a table with a header as objects, each with the line it begins on; blank rows come as empty bytes.

    `columns` says which column is the prompt, the completion or the system prompt, where their names do not.
    Without a delimiter it is the one of comma, semicolon and tab that the header has most often.
    """
    table = _Table(pieces, delimiter)
    header = next(table, None)
    if header is None:
        return
    if isinstance(header, Flaw):
        yield 1, header
        return
    keys = [name.strip().lower() for name in header]
    parts = {name.strip().lower(): part for part, name in (columns or {}).items()}
    if missing := [name for name in parts if name not in keys]:
        seen = ", ".join(map(_shown, header[:10]))
        yield 1, Flaw("csv-header", f"no column is called {quoted(missing[0])}; the columns are {seen}")
        return
    keys = [parts.get(key, key) for key in keys]
    if flaw := _unusable(header, keys):
        yield 1, flaw
        return
    if ignored := [_shown(name) for name, key in zip(header, keys, strict=True) if not is_read(key, keys)]:
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
    cells = Row(zip(keys, row, strict=True))
    if not cells.get("system", "x").strip():
        del cells["system"]
    return cells


def _shown(name: str) -> str:
    return quoted(name) if name.strip() else "one without a name"


def _unusable(header: list[str], keys: list[str]) -> Flaw | None:
    """Why no row of a table can be a record, by the names of its columns."""
    twice = sorted({name for name, key in zip(header, keys, strict=True) if key and keys.count(key) > 1})
    if twice:
        return Flaw("csv-header", f"the header names the column {quoted(twice[0])} more than once")
    if has_parts(keys) or any(needed <= set(keys) for needed in _COMPLETE):
        return None
    seen = ", ".join(map(_shown, header[:10]))
    return Flaw("csv-header", f"no column is known as the prompt and another one as the answer; the columns are {seen}")


class _Table:
    """csv.reader over bytes: rows, or what is wrong with one; `line` is the last physical line read."""

    def __init__(self, pieces: Iterable[bytes], delimiter: str | None) -> None:
        self.line = 0
        self._bad: Flaw | None = None
        self._lines = chain.from_iterable(lines_of(pieces))
        first = next(self._lines, b"")
        # Excel says on a line of its own before the header what parts the fields.
        if first[:4].lower() == b"sep=" and first[4:] in (b",", b";", b"\t"):
            self.line, delimiter = 1, first[4:].decode()
        else:
            self._lines = chain((first,) if first else (), self._lines)
            delimiter = delimiter or max(",;\t", key=first.decode(errors="replace").count)
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
