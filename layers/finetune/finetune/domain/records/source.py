"""One dataset as its units, each of which holds one record: lines, elements of an array, or rows of a table.

Line numbers are 1-based physical lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple

import orjson

from finetune.domain.findings import Flaw, Place
from finetune.domain.records.arrays import array_elements, wrapped_at
from finetune.domain.records.limits import SUFFIXES, too_large, too_many
from finetune.domain.records.lines import lines_of, newlines
from finetune.domain.records.record import Unit
from finetune.domain.records.shapes import KEYS_OF_LISTS
from finetune.domain.records.tables import table_rows
from finetune.errors import UnsupportedDataset

Container = Literal["jsonl", "json-array", "json-object", "json-objects", "csv"]
CONTAINERS: dict[Container, str] = {
    "jsonl": "JSON Lines",
    "json-array": "a JSON array",
    "json-object": "a JSON array under a key of one object",
    "json-objects": "JSON objects over several lines each",
    "csv": "CSV",
}
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


class Block(NamedTuple):
    """Units in order; those of a JSON Lines block stand on consecutive lines from `line` on, others come one by one."""

    line: int
    units: Sequence[Unit]


class Source:
    """The units of one dataset; iterate once, then `lines` is the number of physical lines read.

    `flaw` is set if the file as a whole cannot be read; then there are no units. It is also set at the end if the file
    is too large.
    `columns` names columns of a table by the parts of a record, and `size` is how many bytes were read so far.
    `element` is the number of the current unit if the units are elements of an array; several elements may be on one
    line.
    """

    def __init__(self, chunks: Iterable[bytes], suffix: str, columns: Mapping[str, str] | None = None) -> None:
        if suffix not in SUFFIXES:
            raise UnsupportedDataset(f"a dataset ends in {', '.join(SUFFIXES)}, not in {suffix or 'nothing'}.")
        self.lines = self._units = self.size = 0
        self.element: int | None = None
        self._columns = columns or {}
        pieces = self._sized(chunks)
        head = _head(pieces)
        self.flaw = next((flaw for magic, flaw in _MAGIC.items() if head.startswith(magic)), None)
        self.byte_order_mark = head.startswith(_BOM)
        head = head.removeprefix(_BOM)
        self.container: Container = _container(head, suffix)
        self._delimiter = "\t" if suffix == ".tsv" else None
        self._pieces = newlines(chain((head,), pieces))

    def __iter__(self) -> Iterator[Block]:
        if self.flaw:
            return
        for block in self._blocks():
            if too_many(self._units):
                break
            yield block
            self._units += len(block.units)
        if excess := too_many(self._units) or too_large(self.size):
            self.flaw = Flaw("file-too-large", f"the file {excess}")

    def placed(self) -> Iterator[tuple[Place, Unit]]:
        """Every unit by itself, with its place."""
        for first, units in self:
            for line, unit in enumerate(units, first):
                yield Place(line, self.element), unit

    def _blocks(self) -> Iterator[Block]:
        if self.container == "jsonl":
            for lines in lines_of(self._pieces):
                yield Block(self.lines + 1, lines)
                self.lines += len(lines)
        else:
            numbered = self.container in {"json-array", "json-object"}
            for number, (line, unit) in enumerate(self._read(), 1):
                self.element = number if numbered else None
                yield Block(line, (unit,))
            self.element = None

    def _read(self) -> Iterator[tuple[int, Unit]]:
        if self.container == "csv":
            return table_rows(self._counted(), self._columns, self._delimiter)
        wrapped, bare = self.container == "json-object", self.container == "json-objects"
        return array_elements(self._counted(), wrapped=wrapped, bare=bare)

    def _sized(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.size += len(chunk)
            yield chunk

    def _counted(self) -> Iterator[bytes]:
        ends = True
        for piece in self._pieces:
            self.lines += piece.count(b"\n") + (ends and bool(piece))
            ends = piece.endswith(b"\n") if piece else ends
            self.lines -= ends and bool(piece)
            yield piece


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
    if suffix in {".csv", ".tsv"}:
        return "csv"
    start = head.lstrip()
    if start.startswith(b"{"):
        return _of_objects(start)
    if not start.startswith(b"["):
        return "jsonl"
    line, _, rest = start.replace(b"\r", b"\n").partition(b"\n")
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "json-array"
    alone = not rest.strip() and (suffix == ".json" or (first and isinstance(first[0], dict)))
    return "json-array" if alone else "jsonl"


def _of_objects(start: bytes) -> Container:
    """Objects on lines of their own; or one object around an array of records, or objects over several lines each."""
    lines = [line.strip() for line in start.replace(b"\r", b"\n").split(b"\n", 64) if line.strip()]
    wrapper = wrapped_at(start)
    holds_records = wrapper is not None and wrapper[0].decode("utf-8", "replace") not in KEYS_OF_LISTS
    if len(lines) > 1 and (not lines[1].startswith((b'"', b"]", b"}")) or _is_whole(lines[0])):
        return "jsonl"
    if holds_records:
        return "json-object"
    return "json-objects" if len(lines) > 1 else "jsonl"


def _is_whole(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
