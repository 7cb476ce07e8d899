"""Answers that seem to be cut off in the middle of a sentence."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

_LONG = 40
# Of a sentence that is cut; a short one that ends with a name or a number is a signature or a result.
_WORDS, _WORDS_TO_A_NAME = 3, 9
_FEWEST = 20
# Where so many of the answers end as sentences do, the others were meant to.
_MOST = 0.8
# Cut at a bound, answers end with different words; written to one pattern, with the same.
_FEWEST_OF_A_LENGTH = 3
# No sentence ends with one of these.
_JOINING_WORDS = (  # of English, German, French and Spanish
    "the a an of to and or with for from your our its because than every der die das und oder ein eine einen mit "
    "von le les des du et ou un une avec dans el los con del por"
)
_JOINING = frozenset(_JOINING_WORDS.split())
# Lines of programs end as they like, and so do items of lists.
_PROGRAM = re.compile(r"[;{}=$<>*|\\]|//|#|\w\(")
_SENTENCES = re.compile(r"[.!?:] | - ")
_ITEM = re.compile(r"\s*(?:[-*•+|>]|\d{1,3}[.)])")


class Endings:
    """Looks at how answers of more than a few words end; lines and lengths of those that end with a word."""

    def __init__(self) -> None:
        self._ended = 0
        self._open = array("Q")
        self._lengths = array("Q")
        self._last_words = array("q")
        self._joining: set[int] = set()
        self._seen: set[int] = set()

    def add(self, line: int, answer: str) -> None:
        """Look at an answer; what repeats another, or is a list, a link or a signature, ends as it likes."""
        answer = answer.rstrip()
        if len(answer) < _LONG or hash(answer) in self._seen:
            return
        self._seen.add(hash(answer))
        if not (answer[-1].isalnum() or answer[-1] == ","):
            self._ended += 1
            return
        last = answer[answer.rfind("\n") + 1 :][-400:]
        if (len(last) < _LONG and "\n" in answer) or _ITEM.match(last) or _PROGRAM.search(last):
            return
        words = _SENTENCES.split(last)[-1].split()
        word = words[-1]
        fewest = _WORDS if word.rstrip(",").islower() else _WORDS_TO_A_NAME
        if len(words) < fewest or any(mark in word[:-1] for mark in "/@._"):
            return
        self._open.append(line)
        self._lengths.append(len(answer))
        self._last_words.append(hash(word))
        if word.endswith(",") or word in _JOINING:
            self._joining.add(line)

    def cut(self) -> Iterator[int]:
        """The lines of the answers that seem to be cut."""
        seen = self._ended + len(self._open)
        if seen < _FEWEST or not self._open:
            return
        most = max(self._lengths)
        words = [word for word, own in zip(self._last_words, self._lengths, strict=True) if own == most]
        bound = most if len(set(words)) >= max(_FEWEST_OF_A_LENGTH, len(words) / 2) else None
        expected = self._ended >= _MOST * seen
        for line, own in zip(self._open, self._lengths, strict=True):
            if expected or own == bound or line in self._joining:
                yield line
