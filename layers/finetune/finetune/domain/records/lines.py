"""Bytes in pieces of any size to the units that hold one record each: lines, elements of an array, rows of a table.

Line numbers are 1-based physical lines: LF, CR LF and a lone CR end a line, nothing else does. Memory stays bounded
whatever comes: a line longer than MAX_LINE_BYTES is cut one byte behind that, and its remainder is passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple, overload

import orjson

from finetune.domain.findings import Flaw, quoted
from finetune.domain.records.strict_json import MAX_DEPTH, MAX_LINE_BYTES
from finetune.errors import UnsupportedDataset

Container = Literal["jsonl", "json-array", "csv"]
Unit = bytes | dict[str, Any] | Flaw
SUFFIXES = (".jsonl", ".json", ".csv")
# What a run can stage on the disk of Prepare Dataset (template.yaml). Both functions that read it do so in less than a
# third of their fifteen minutes (benchmarks/README.md).
MAX_DATASET_BYTES = 10 * 1024**3
# The surveys of so many, and of as many in a validation set, fit the disk of Validate Dataset and the memory of Prepare
# Dataset; what is behind them is not read.
MAX_UNITS = 5_000_000

_SLICE = 1 << 16
_HEAD = 1 << 16
_BOM = b"\xef\xbb\xbf"
_MAGIC: dict[bytes, Flaw] = {
    b"\x1f\x8b": Flaw("not-a-text-file", "the file is compressed with gzip"),
    b"PK\x03\x04": Flaw("not-a-text-file", "the file is a zip archive or a spreadsheet"),
    b"PAR1": Flaw("not-a-text-file", "the file is Parquet"),
    b"BZh": Flaw("not-a-text-file", "the file is compressed with bzip2"),
    b"\xfd7zXZ": Flaw("not-a-text-file", "the file is compressed with xz"),
    b"(\xb5/\xfd": Flaw("not-a-text-file", "the file is compressed with Zstandard"),
    b"7z\xbc\xaf": Flaw("not-a-text-file", "the file is a 7z archive"),
    b"Rar!": Flaw("not-a-text-file", "the file is a RAR archive"),
    b"%PDF": Flaw("not-a-text-file", "the file is a PDF document"),
    b"{\\rtf": Flaw("not-a-text-file", "the file is an RTF document"),
    b"\xd0\xcf\x11\xe0": Flaw("not-a-text-file", "the file is an old Word or Excel document"),
    b"<!DOCTYPE": Flaw("not-a-text-file", "the file is a web page"),
    b"<html": Flaw("not-a-text-file", "the file is a web page"),
    b"<?xml": Flaw("not-a-text-file", "the file is XML"),
    b"\x89PNG": Flaw("not-a-text-file", "the file is a PNG image"),
    b"\xff\xd8\xff": Flaw("not-a-text-file", "the file is a JPEG image"),
    b"ARROW1": Flaw("not-a-text-file", "the file is Arrow"),
    b"Obj\x01": Flaw("not-a-text-file", "the file is Avro"),
    b"SQLite format 3": Flaw("not-a-text-file", "the file is an SQLite database"),
    b"\xff\xfe": Flaw("utf-16", "the file is UTF-16 or UTF-32, not UTF-8"),
    b"\xfe\xff": Flaw("utf-16", "the file is UTF-16, not UTF-8"),
    b"{\0": Flaw("utf-16", "the file is UTF-16 or UTF-32, not UTF-8"),
    b"[\0": Flaw("utf-16", "the file is UTF-16 or UTF-32, not UTF-8"),
    b"\0{": Flaw("utf-16", "the file is UTF-16, not UTF-8"),
    b"\0[": Flaw("utf-16", "the file is UTF-16, not UTF-8"),
    b"\0\0": Flaw("utf-16", "the file begins with zero bytes; it is UTF-32 or no text at all"),
}


class Lines(Sequence[bytes]):
    """Consecutive lines, parted only when one is asked for; `raw` is all of them with a newline between two."""

    __slots__ = ("_count", "_lines", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._count = 0
        self._lines: list[bytes] | None = None

    def parted(self) -> list[bytes]:
        """The lines without their ends, each cut one byte behind MAX_LINE_BYTES."""
        if self._lines is None:
            self._lines = self.raw.split(b"\n")
            if len(self.raw) > MAX_LINE_BYTES:
                self._lines = [line[: MAX_LINE_BYTES + 1] for line in self._lines]
            self._count = len(self._lines)
        return self._lines

    def counted(self, count: int) -> None:
        """Tell how many lines there are, which whoever has parsed them knows without counting."""
        self._count = count

    def __len__(self) -> int:
        return self._count or len(self.parted())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parted())

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        return self.parted()[index]


class Block(NamedTuple):
    """Units in order; those of a JSON Lines block stand on consecutive lines from `line` on, others come one by one."""

    line: int
    units: Sequence[Unit]


class Source:
    """The units of one dataset; iterate once, then `lines` is the number of physical lines read.

    `flaw` is set when the file as a whole cannot be read, and there are no units then, or when it proved too large.
    `element` is the number of the unit in hand where units are elements of an array, many of which may share a line.
    """

    def __init__(self, chunks: Iterable[bytes], suffix: str) -> None:
        if suffix not in SUFFIXES:
            raise UnsupportedDataset(f"a dataset ends in {', '.join(SUFFIXES)}, not in {suffix or 'nothing'}.")
        self.lines = self._units = self._size = 0
        self.element: int | None = None
        pieces = self._sized(chunks)
        head = _head(pieces)
        self.flaw = next((flaw for magic, flaw in _MAGIC.items() if head.startswith(magic)), None)
        self.byte_order_mark = head.startswith(_BOM)
        head = head.removeprefix(_BOM)
        self.container: Container = _container(head, suffix)
        self._pieces = _newlines(chain((head,), pieces))

    def __iter__(self) -> Iterator[Block]:
        if self.flaw:
            return
        for block in self._blocks():
            if self._units > MAX_UNITS:
                break
            yield block
            self._units += len(block.units)
        if excess := too_many(self._units) or too_large(self._size):
            self.flaw = Flaw("file-too-large", f"the file {excess}")

    def _blocks(self) -> Iterator[Block]:
        if self.container == "jsonl":
            for lines in _lines(self._pieces):
                yield Block(self.lines + 1, lines)
                self.lines += len(lines)
        else:
            is_array = self.container == "json-array"
            read = array_elements if is_array else table_rows
            for number, (line, unit) in enumerate(read(self._counted()), 1):
                self.element = number if is_array else None
                yield Block(line, (unit,))
            self.element = None

    def _sized(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._size += len(chunk)
            yield chunk

    def _counted(self) -> Iterator[bytes]:
        ends = True
        for piece in self._pieces:
            self.lines += piece.count(b"\n") + (ends and bool(piece))
            ends = piece.endswith(b"\n") if piece else ends
            self.lines -= ends and bool(piece)
            yield piece


_SAMPLE = "Drop a sample of it, which `finetune prepare --limit` can make."


def too_large(size: int) -> str | None:
    """Why a run would not make a file of so many bytes, and what to do; None when it would.

    >>> too_large(12_500_000_000)
    'has 12.5 GB; a run takes at most 10.7 GB. Drop a sample of it, which `finetune prepare --limit` can make.'
    """
    if size <= MAX_DATASET_BYTES:
        return None
    return f"has {size / 1e9:.1f} GB; a run takes at most {MAX_DATASET_BYTES / 1e9:.1f} GB. {_SAMPLE}"


def too_many(units: int) -> str | None:
    """Why a run would not make a file of so many lines, rows or elements, and what to do; None when it would.

    >>> too_many(5_000_000)
    >>> too_many(5_000_001)[:40]
    'has more than 5,000,000 lines; a run tak'
    """
    return f"has more than {MAX_UNITS:,} lines; a run takes no more. {_SAMPLE}" if units > MAX_UNITS else None


def _head(chunks: Iterator[bytes]) -> bytes:
    """The first bytes: enough to know what the file is, read no further than one piece beyond that."""
    head, size = [], 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size >= _HEAD:
            break
    return b"".join(head)


def _container(head: bytes, suffix: str) -> Container:
    """What the file is by how it begins. A whole array on the first of several lines is a bad line, not a dataset."""
    if suffix == ".csv":
        return "csv"
    start = head.lstrip()
    if not start.startswith(b"["):
        return "jsonl"
    line, _, rest = start.replace(b"\r", b"\n").partition(b"\n")
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "json-array"
    alone = not rest.strip() and (suffix == ".json" or (first and isinstance(first[0], dict)))
    return "json-array" if alone else "jsonl"


def _newlines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes in slices of at most 64 KiB with every line end turned into LF."""
    carry = b""
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            piece = carry + chunk[start : start + _SLICE]
            carry = b""
            if b"\r" in piece:
                carry = b"\r" if piece.endswith(b"\r") else b""  # whether it is CR LF shows in the next slice
                piece = piece.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield piece
    if carry:
        yield b"\n"


def _lines(pieces: Iterable[bytes]) -> Iterator[Lines]:
    """Consecutive lines without the last end; of a line no more is kept than MAX_LINE_BYTES and one piece."""
    pending: list[bytes] = []
    size = 0
    for piece in pieces:
        end = piece.rfind(b"\n")
        if end >= 0:
            yield Lines(b"".join((*pending, piece[:end])))
            pending, size = [piece[end + 1 :]], len(piece) - end - 1
        elif size <= MAX_LINE_BYTES:
            pending.append(piece)
            size += len(piece)
    if any(pending):
        yield Lines(b"".join(pending))


# A string, closed or not; a mark; or a run of anything else. Possessive, so that time stays linear in the bytes.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]|[^\s"\[\]{},]++', re.DOTALL)
_DEEPER = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def array_elements(pieces: Iterable[bytes]) -> Iterator[tuple[int, Unit]]:  # noqa: PLR0912 - one state machine in one place
    """The elements of one JSON array, each with the line it begins on; a broken array ends the reading with a Flaw."""
    buffer, start, at, counted = b"", 0, 0, 0
    depth, line, begins, comma, closed = 0, 1, 0, 0, False
    for piece in chain(_gathered(pieces), (b"\n",)):
        buffer, at, counted, start = buffer[start:] + piece, at - start, counted - start, 0
        for token in _TOKEN.finditer(buffer, at):
            at = token.start()
            if token.end() == len(buffer):
                break  # it may go on in the next piece
            mark = buffer[at]
            if depth == 0:
                if closed:
                    line += buffer.count(b"\n", counted, at)
                    yield line, Flaw("invalid-json", "the array has ended; there must be nothing behind it")
                    return
                depth, start = 1, token.end()
            elif depth == 1 and mark == ord("}"):
                break  # stays unread, and so the array counts as not closed
            elif depth == 1 and mark in b",]":
                if begins:
                    yield begins, buffer[start:at].strip()
                elif mark == ord(",") or comma:
                    line, counted = line + buffer.count(b"\n", counted, at), at
                    yield line, Flaw("invalid-json", "the array has a comma without a record on both sides")
                comma, begins, start = mark == ord(","), 0, token.end()
                closed = not comma
                depth -= closed
            else:
                if not begins:
                    line, counted = line + buffer.count(b"\n", counted, at), at
                    begins = line
                depth += _DEEPER.get(mark, 0)
                if depth > MAX_DEPTH + 1:
                    yield begins, Flaw("nested-too-deep", f"nests deeper than {MAX_DEPTH} levels; the rest is not read")
                    return
            at = token.end()
        if not begins:
            start = at
        if len(buffer) - start > MAX_LINE_BYTES:
            yield begins or line, Flaw("line-too-long", f"a record is longer than {MAX_LINE_BYTES:,} bytes")
            return
        line, counted = line + buffer.count(b"\n", counted, start), max(counted, start)
    if not closed or buffer[at:].strip():
        yield line, Flaw("invalid-json", "the array does not end with a closing bracket")


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Small pieces joined to at least 64 KiB, so that scanning again over an unfinished record stays cheap."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        if len(gathered) >= _HEAD:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


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
    try:
        header = next(table)
    except StopIteration:
        return
    except csv.Error:
        header = [""]
    keys = [COLUMNS.get(name.strip().lower(), "") for name in header]
    if not any(needed <= set(keys) for needed in _COMPLETE) or len(set(filter(None, keys))) < len(
        list(filter(None, keys))
    ):
        yield 1, Flaw("csv-header", "the header does not name the columns prompt and completion, each once")
        return
    ignored = [quoted(name) for name, key in zip(header, keys, strict=True) if not key]
    if ignored:
        what = f"the columns {', '.join(ignored[:10])} are" if len(ignored) > 1 else f"the column {ignored[0]} is"
        yield 1, Flaw("ignored-key", f"{what} no part of a record and left out")
    while True:
        line = table.line + 1
        table.bad = None
        try:
            row = next(table)
        except StopIteration:
            return
        except csv.Error:
            yield (
                line,
                table.bad or Flaw("invalid-csv", "the row has an unclosed or misplaced quote, or a field over 1 MiB"),
            )
            continue
        if table.bad:
            yield line, table.bad
        elif not any(row):
            yield line, b""
        elif len(row) != len(keys):
            yield line, Flaw("invalid-csv", f"the row has {len(row)} fields, the header has {len(keys)}")
        else:
            cells = {key: cell for key, cell in zip(keys, row, strict=True) if key}
            if not cells.get("system", "x").strip():
                del cells["system"]
            yield line, cells


class _Table:
    """csv.reader over bytes; `line` is the last physical line read, `bad` what was wrong with its bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.line = 0
        self.bad: Flaw | None = None
        self._lines = chain.from_iterable(_lines(pieces))
        first = next(self._lines, b"")
        # Excel says on a line of its own before the header what parts the fields.
        if first[:4].lower() == b"sep=" and first[4:] in (b",", b";", b"\t"):
            self.line, delimiter = 1, first[4:].decode()
        else:
            self._lines = chain((first,) if first else (), self._lines)
            delimiter = max(",;\t", key=first.decode(errors="replace").count)
        csv.field_size_limit(MAX_LINE_BYTES)
        self._rows = csv.reader(self._text(), delimiter=delimiter, strict=True)

    def __next__(self) -> list[str]:
        return next(self._rows)

    def _text(self) -> Iterator[str]:
        for line in self._lines:
            self.line += 1
            if len(line) > MAX_LINE_BYTES:
                self.bad = Flaw("line-too-long", f"is longer than {MAX_LINE_BYTES:,} bytes")
                yield "\n"
                continue
            try:
                yield line.decode() + "\n"
            except UnicodeDecodeError as error:
                self.bad = Flaw("not-utf8", f"has a byte that is not UTF-8 at byte offset {error.start}")
                yield line.decode(errors="replace") + "\n"
