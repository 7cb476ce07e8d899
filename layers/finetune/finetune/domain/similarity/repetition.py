"""Which hashes were there before, in a known amount of memory: about 90 bytes for every one that is remembered."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class Repetitions:
    """Remembers the first `most` different hashes and the line of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[int] = set()
        self._order = array("q")
        self._lines = array("Q")
        self.overflowed = False

    def repeated(self, lines: Sequence[int], keys: Sequence[int]) -> list[int]:
        """The indexes of those that repeat an earlier one, these included; the others are remembered."""
        if len(set(keys)) == len(keys) and self._seen.isdisjoint(keys):
            self._remember(lines, keys)
            return []
        found = []
        for index, (line, key) in enumerate(zip(lines, keys, strict=True)):
            if key in self._seen:
                found.append(index)
            else:
                self._remember((line,), (key,))
        return found

    def _remember(self, lines: Sequence[int], keys: Sequence[int]) -> None:
        if len(self._seen) + len(keys) > self._most:
            self.overflowed = True
            return
        self._seen.update(keys)
        self._order.extend(keys)
        self._lines.extend(lines)

    def line_of(self, key: int) -> int:
        """The line on which a remembered hash was first; searched for, so ask only where it is told to somebody."""
        return self._lines[self._order.index(key)]
