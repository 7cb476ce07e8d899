"""Labels of a classification: spelling variants of one, rare ones, and labels in the middle of prose."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from statistics import median

from finetune.domain.findings import Flaw

# Bounds of what is remembered; what comes later is still counted where it is known.
LONGEST = 200
_MOST_FORMS = 2_000

_LONGEST_LABEL = 40
_MOST_LABELS = 50
_FEWEST = 30
_USUAL = 5  # records with one answer, from which on it is a label
_SHARE = 0.8
_RARE, _OFTEN = 2, 10
_NO_LETTERS = re.compile(r"[\W_]+")
_JOINED = re.compile(r"[,;/|+&\n]|\band\b")

_SPELLING = "writes its label in another way than most records with that label"
_PROSE = "has a label in a sentence, where most answers are a label and nothing else"


class Labels:
    """Remembers short answers as they are written, with the lines of each."""

    def __init__(self) -> None:
        self._lines: dict[str, array[int]] = {}

    def add(self, line: int, answer: str) -> None:
        lines = self._lines.get(answer)
        if lines is None:
            if len(self._lines) >= _MOST_FORMS:
                return
            lines = self._lines[answer] = array("Q")
        lines.append(line)

    def finish(self, total: int) -> Iterator[tuple[int, Flaw]]:
        """What is odd about labels, when so most of `total` answers are labels."""
        forms: dict[str, dict[str, list[int]]] = {}
        for answer, lines in self._lines.items():
            bare = answer.strip()
            if key := _NO_LETTERS.sub("", bare.casefold()):
                forms.setdefault(key, {}).setdefault(bare, []).extend(lines)
        counts = {key: sum(map(len, ways.values())) for key, ways in forms.items()}
        labels = {
            key: max(forms[key], key=lambda way: len(forms[key][way]))
            for key, count in counts.items()
            if count >= _USUAL and len(key) <= _LONGEST_LABEL
        }
        usual = sum(counts[key] for key in labels)
        if total < _FEWEST or not 2 <= len(labels) <= _MOST_LABELS or usual < _SHARE * total:
            return
        middle = median(counts[key] for key in labels)
        for key, ways in forms.items():
            for way, own in ways.items():
                if flaw := _flaw(way, key, labels, counts, middle):
                    yield from ((line, flaw) for line in own)


def _flaw(way: str, key: str, labels: Mapping[str, str], counts: Mapping[str, int], middle: float) -> Flaw | None:
    count = counts[key]
    if way != labels.get(key, way) or any(
        counts[label] >= _OFTEN * count and _mistyped(key, label) for label in labels
    ):
        return Flaw("label-spelling", _SPELLING)
    if key in labels:
        return None
    parts = _JOINED.split(way)
    if len(parts) > 1 and all(_NO_LETTERS.sub("", part.casefold()) in labels for part in parts):
        return None
    words = _NO_LETTERS.split(way)
    if any(_within(_NO_LETTERS.split(label), words) for label in labels.values()):
        return Flaw("label-in-prose", _PROSE)
    if count <= _RARE and middle >= _OFTEN and len(key) <= _LONGEST_LABEL and not key.isdigit():
        return Flaw(
            "rare-label", f"has a label that {'no other record has' if count == 1 else f'{count} records have'}"
        )
    return None


def _within(label: list[str], words: list[str]) -> bool:
    """Whether the words have the label among at least two others; a letter counts only as it is written."""
    if len(label) == 1 and len(label[0]) > 1:
        label, words = [label[0].casefold()], [word.casefold() for word in words]
    own = [word for word in words if word]
    size = len(label)
    return len(own) >= size + 2 and any(own[at : at + size] == label for at in range(len(own) - size + 1))


def _mistyped(one: str, other: str) -> bool:
    """Whether a letter too many, too few, wrong or in the wrong place makes one word of the other.

    >>> _mistyped("postive", "positive"), _mistyped("class1", "class2"), _mistyped("typical", "atypical")
    (True, False, False)
    """
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1 or any(map(str.isdigit, one + other)):
        return False
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    if not begin:
        return False
    ours, theirs = one[begin:], other[begin:]
    while ours and theirs and ours[-1] == theirs[-1]:
        ours, theirs = ours[:-1], theirs[:-1]
    return max(len(ours), len(theirs)) <= 1 or (len(ours) == len(theirs) == 2 and ours == theirs[::-1])
