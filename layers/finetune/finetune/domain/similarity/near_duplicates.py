"""Near-duplicates: texts that nearly repeat an earlier one, found by sketches of their word sequences."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from zlib import crc32

from finetune.domain.similarity.identity import NEAR, shingles

_SKETCH = 32
_BANDS = 4
# A warning that texts repeat each other is only of use where they do so almost to the word.
_REPEATS = 0.8
_FEWEST = 8
# Where a text of many words is cut: behind every word that ends in an e, about one in five in the languages that are
# written in Latin letters. So a changed word changes the one sequence that it is in.
_CUT = b"e "
_MANY = 10
# Prompts that are held against each other when a dataset is split; as many as the largest sets that Nova trains on.
MOST_GROUPED = 20_000
# The prompts of the lowest ranks, which are drawn by lot, tell what is a template.
_TOLD_BY = 2_000


def sequences(text: bytes) -> set[int]:
    """Hashes of the word sequences of a normalised text, the same in every process."""
    pieces = text.split(_CUT)
    return set(map(crc32, pieces)) if len(pieces) >= _MANY else shingles(text)


def bands_of(sketch: Sequence[int]) -> list[int]:
    """Pairs of the smallest hashes; texts that nearly equal each other nearly always have one in common."""
    return [one << 32 | other for one, other in pairwise(sketch[: _BANDS + 1])]


def nearly_equal(one: Sequence[int], other: Sequence[int], share: float = NEAR) -> bool:
    """Whether texts have this share of sequences in common, estimated from the smallest hashes of both together."""
    smallest = sorted({*one, *other})[:_SKETCH]
    return len({*one} & {*other} & {*smallest}) >= share * len(smallest)


def _often(texts: Sequence[Iterable[int]]) -> set[int]:
    """The sequences that one in twenty texts has: those of a template, which say nothing of what a text is about."""
    frequency = Counter(chain.from_iterable(texts))
    often = max(3, len(texts) // 20)
    return {sequence for sequence, times in frequency.items() if times > often}


class NearDuplicates:
    """Finds texts of which nearly all word sequences are the same, by the smallest hashes of each text's sequences.

    Sequences that many of the first texts share are taken for a template and are not compared.
    """

    _WARM_UP = 200

    def __init__(self) -> None:
        self._waiting: list[tuple[int, set[int]]] = []
        self._template: set[int] | None = None
        self._sketches: list[tuple[int, array[int]]] = []
        self._holders: dict[int, int] = {}
        self._found: list[tuple[int, int]] = []

    def add(self, line: int, text: bytes) -> None:
        """Take one normalised text."""
        found = sequences(text)
        if self._template is not None:
            self._compare(line, found - self._template)
            return
        self._waiting.append((line, found))
        if len(self._waiting) == self._WARM_UP:
            self._template = self._settled()

    def finish(self) -> list[tuple[int, int]]:
        """Pairs of a line and the earlier line that it resembles."""
        if self._template is None:
            self._template = self._settled()
        return self._found

    def _settled(self) -> set[int]:
        template = _often([own for _, own in self._waiting])
        for line, own in self._waiting:
            self._compare(line, own - template)
        self._waiting.clear()
        return template

    def _compare(self, line: int, own: set[int]) -> None:
        if len(own) < _FEWEST:
            return
        sketch = array("I", sorted(own)[:_SKETCH])
        bands = bands_of(sketch)
        for number in sorted({self._holders[band] for band in bands if band in self._holders}):
            first, other = self._sketches[number]
            if nearly_equal(sketch, other, _REPEATS):
                self._found.append((line, first))
                return
        for band in bands:
            self._holders.setdefault(band, len(self._sketches))
        self._sketches.append((line, sketch))


class NearDuplicateGroups:
    """Prompts that are nearly equal, so that a split can keep them together; their order does not matter.

    The prompts are compared in the order of their ranks. If there are more than `most` prompts, none are compared:
    which of them would come first would depend on their order.
    """

    def __init__(self, most: int = MOST_GROUPED) -> None:
        self._most = most
        self._sketches: dict[int, array[int]] = {}
        self.gave_up = False

    def add(self, rank: int, prompt: bytes) -> None:
        """Take the rank of a normalised prompt; the same rank is the same prompt."""
        if self.gave_up or rank in self._sketches:
            return
        if len(self._sketches) == self._most:
            self.gave_up = True
            self._sketches.clear()
            return
        # Twice as many as are compared, because what turns out to be a template is left out of them.
        self._sketches[rank] = array("I", sorted(sequences(prompt))[: 2 * _SKETCH])

    def first_ranks(self) -> dict[int, int]:
        """For every rank that has a near equal of lower rank, the lowest such rank found."""
        ranks = sorted(self._sketches)
        template = _often([self._sketches[rank] for rank in ranks[:_TOLD_BY]])
        holders: dict[int, int] = {}
        first_ranks: dict[int, int] = {}
        for rank in ranks:
            sketch = self._sketches[rank]
            if template:
                sketch = array("I", (sequence for sequence in sketch if sequence not in template))
            sketch = self._sketches[rank] = sketch[:_SKETCH]
            if len(sketch) < _FEWEST:
                continue
            bands = bands_of(sketch)
            for first in sorted({holders[band] for band in bands if band in holders}):
                if nearly_equal(sketch, self._sketches[first]):
                    first_ranks[rank] = first_ranks.get(first, first)
                    break
            for band in bands:
                holders.setdefault(band, rank)
        return first_ranks
