"""The elements of a JSON array that may be larger than memory, and of what people write instead of one.

That is the array under a key of one object, and objects behind each other over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from finetune.domain.findings import Flaw
from finetune.domain.records.record import Unit
from finetune.domain.records.strict_json import MAX_DEPTH, MAX_LINE_BYTES

_PIECE = 1 << 16
# A string, closed or not; a mark; or a run of anything else. Possessive, so that time stays linear in the bytes.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]|[^\s"\[\]{},]++', re.DOTALL)
_COMMA, _CLOSING_BRACE = b",}"
_DEEPER = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


# What stands before the array of an object: a brace, and keys with plain values.
_WRAPPER = re.compile(
    rb'\s*\{(?:\s*"(?:[^"\\]|\\.)*+"\s*:\s*(?:"(?:[^"\\]|\\.)*+"|[^\s"\[\]{},]++|\{[^{}\[\]]*+\})\s*,)*+'
    rb'\s*"((?:[^"\\]|\\.)*+)"\s*:\s*(?=\[\s*\{)',
    re.DOTALL,
)


def wrapped_at(head: bytes) -> tuple[bytes, int] | None:
    """The key under which an object has an array of objects, and where the array begins; None where it has none."""
    found = _WRAPPER.match(head)
    return (found[1], found.end()) if found else None


def array_elements(pieces: Iterable[bytes], *, wrapped: bool = False, bare: bool = False) -> Iterator[tuple[int, Unit]]:
    """The elements of one JSON array, each with the line it begins on; a broken array ends the reading with a Flaw.

    A `wrapped` array is that under a key of one object, which may have plain values behind it. `bare` elements are
    objects behind each other, without brackets and commas.
    """
    if wrapped:
        pieces = _without_wrapper(pieces)
    array = _Array(bare=bare, wrapped=wrapped)
    for piece in chain(_gathered(pieces), (b"\n",)):
        array.take(piece)
        yield from array.elements()
        if array.flaw:
            yield array.flaw
            return
    if array.is_open():
        yield array.line, Flaw("invalid-json", "the array does not end with a closing bracket")


class _Array:
    """A JSON array that comes in pieces; `line` is the line up to which it was counted, `flaw` ends the reading."""

    def __init__(self, *, bare: bool = False, wrapped: bool = False) -> None:
        self._bare, self._wrapped = bare, wrapped
        self.flaw: tuple[int, Flaw] | None = None
        self.line = 1
        self._buffer = b""
        self._start = self._at = self._counted = 0
        self._depth, self._begins = int(bare), 0
        self._comma = self._closed = False

    def take(self, piece: bytes) -> None:
        """The next piece, behind what of the last ones is not done with."""
        start = self._start
        self._buffer = self._buffer[start:] + piece
        self._at, self._counted, self._start = self._at - start, self._counted - start, 0

    def elements(self) -> Iterator[tuple[int, Unit]]:
        """The elements that end in what was taken, each with its line."""
        buffer = self._buffer
        for token in _TOKEN.finditer(buffer, self._at):
            self._at, end = token.span()
            mark = buffer[self._at]
            # The last token may go on in the next piece; a wrong bracket stays unread, so that the array stays open.
            if end == len(buffer) or (self._depth == 1 and mark == _CLOSING_BRACE):
                break
            if self._depth == 1 and mark in b",]":
                yield from self._part(is_comma=mark == _COMMA)
                self._start = end
            elif not self._depth:
                self._open()
                self._start = end
            elif not self._begins or mark in _DEEPER:
                self._enter(mark)
                if self._bare and self._depth == 1:
                    yield self._begins, self._buffer[self._start : end].strip()
                    self._start, self._begins = end, 0
            if self.flaw:
                return
            self._at = end
        self._pass_over()

    def is_open(self) -> bool:
        """Whether something is missing behind the last piece."""
        if self._bare:
            return bool(self._buffer[self._start :].strip())
        return not self._closed or bool(self._buffer[self._at :].strip())

    def _open(self) -> None:
        if self._closed and self._wrapped and self._buffer[self._at] not in b"[{":
            return
        if self._closed:
            message = "nothing may follow the end of the array"
            if self._wrapped:
                message = "the object holds more than one array; write the records of each to a file of their own"
            self.flaw = self._count(self._at), Flaw("invalid-json", message)
        self._depth = 1

    def _part(self, *, is_comma: bool) -> Iterator[tuple[int, Unit]]:
        """The element before a comma or before the closing bracket of the array."""
        if self._begins:
            yield self._begins, self._buffer[self._start : self._at].strip()
        elif is_comma or self._comma:
            message = "the array has a comma without a record on both sides"
            yield self._count(self._at), Flaw("invalid-json", message)
        self._comma, self._begins, self._closed = is_comma, 0, not is_comma
        self._depth -= self._closed

    def _enter(self, mark: int) -> None:
        """A token of an element, which may be its first."""
        if not self._begins:
            self._begins = self._count(self._at)
        self._depth += _DEEPER.get(mark, 0)
        if self._depth > MAX_DEPTH + 1:
            message = f"nests deeper than {MAX_DEPTH} levels; the rest is not read"
            self.flaw = self._begins, Flaw("nested-too-deep", message)

    def _pass_over(self) -> None:
        """Let go of what no later element needs."""
        if not self._begins:
            self._start = self._at
        if len(self._buffer) - self._start > MAX_LINE_BYTES:
            message = f"a record is longer than {MAX_LINE_BYTES:,} bytes"
            self.flaw = self._begins or self.line, Flaw("line-too-long", message)
        else:
            self._count(self._start)

    def _count(self, at: int) -> int:
        """The line at an offset, which is never before the last one asked for."""
        self.line += self._buffer.count(b"\n", self._counted, at)
        self._counted = max(self._counted, at)
        return self.line


def _without_wrapper(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces with what stands before the array as spaces, so that lines keep their numbers."""
    rest = iter(pieces)
    head = next(rest, b"")
    found = wrapped_at(head)
    end = found[1] if found else 0
    yield re.sub(rb"[^\n]", b" ", head[:end]) + head[end:]
    yield from rest


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Small pieces joined to at least 64 KiB, so that scanning again over an unfinished record stays cheap."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        if len(gathered) >= _PIECE:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)
