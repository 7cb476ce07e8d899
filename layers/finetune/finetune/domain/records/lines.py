"""Splits bytes that come in pieces of any size into lines.

Only LF, CR LF and a lone CR end a line. Memory is bounded for any input: a line longer than MAX_LINE_BYTES is cut one
byte after that limit, and the rest of the line is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from finetune.domain.records.strict_json import MAX_LINE_BYTES

_SLICE = 1 << 16


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


def newlines(chunks: Iterable[bytes]) -> Iterator[bytes]:
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


def lines_of(pieces: Iterable[bytes]) -> Iterator[Lines]:
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
