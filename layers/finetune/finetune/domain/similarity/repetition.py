"""Which hashes were there before, in a known amount of memory: about 100 bytes for every one that is remembered."""

from __future__ import annotations

from collections.abc import Sequence


class Repetitions:
    """Remembers the first `most` different hashes and the line of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[int, int] = {}
        self.overflowed = False

    def repeated(self, lines: Sequence[int], keys: Sequence[int]) -> list[int]:
        """The indexes of those that repeat an earlier one, these included; the others are remembered."""
        if len(set(keys)) == len(keys) and self._lines.keys().isdisjoint(keys):
            self._remember(lines, keys)
            return []
        found = []
        for index, (line, key) in enumerate(zip(lines, keys, strict=True)):
            if key in self._lines:
                found.append(index)
            else:
                self._remember((line,), (key,))
        return found

    def _remember(self, lines: Sequence[int], keys: Sequence[int]) -> None:
        if len(self._lines) + len(keys) > self._most:
            self.overflowed = True
            return
        self._lines.update(zip(keys, lines, strict=True))

    def line_of(self, key: int) -> int:
        """The line on which a remembered hash was first."""
        return self._lines[key]
