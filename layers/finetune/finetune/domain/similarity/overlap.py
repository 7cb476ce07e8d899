"""Whether a prompt of the training data is also asked in an evaluation or validation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from finetune.domain.similarity.identity import NEAR, shingles
from finetune.errors import UnsupportedDataset

# Near means that 70 % of the pairs of neighbouring words of two prompts are the same: one word in twelve may differ.
# What many prompts of the set share is their template and says nothing. Prompts with less than five such pairs of their
# own are near only if half of these are the same too, all words that differ are words of the template, and the answers
# are not known to differ: a template may be filled with words that many prompts have, and each ask something else.
_NEAR_FEW = 0.5
_TEMPLATE_SHARE = 0.1
_LEAST_SHINGLES = 5
_MOST_SHINGLES = 1_000_000
# Pairs of words of all that is looked up, times the questions that have each; a fifth of the time of a function.
# Records of which most pairs are in no question are not counted, and they are nearly all where people write.
_MOST_COMPARED = 5_000_000_000


class Asked(NamedTuple):
    """A normalised prompt with its normalised answer; None where nobody knows it."""

    prompt: bytes
    answer: bytes | None = None


def alike(questions: Sequence[Asked]) -> list[int]:
    """For each question the place of the first that asks the same, directly or by way of others."""
    index, standing_for = Overlap(questions), list(range(len(questions)))

    def stand_in(number: int) -> int:
        while standing_for[number] != number:
            number = standing_for[number]
        return number

    for number, question in enumerate(questions):
        for other in index.leading(question):
            one, another = sorted((stand_in(number), stand_in(other)))
            standing_for[another] = one
    return [stand_in(number) for number in range(len(questions))]


class Overlap:
    """An index of questions; near ones are found among the first million pairs of words of the set.

    UnsupportedDataset when to look up all that is asked for takes too long.
    """

    def __init__(self, questions: Iterable[Asked]) -> None:
        self._prompts: dict[bytes, list[int]] = {}
        self._questions: list[Asked] = []
        found: list[set[int]] = []
        kept = 0
        for number, question in enumerate(questions):
            prompt = question.prompt
            self._prompts.setdefault(prompt, []).append(number)
            if kept < _MOST_SHINGLES:
                self._questions.append(question)
                found.append(shingles(prompt))
                kept += len(found[-1])
        frequency = Counter(shingle for own in found for shingle in own)
        often = max(2, len(found) * _TEMPLATE_SHARE)
        self._template = {shingle for shingle, count in frequency.items() if count > often}
        words = Counter(word for question in self._questions for word in set(question.prompt.split()))
        self._usual = {word for word, count in words.items() if count > often}
        self._sizes = [len(own - self._template) for own in found]
        self._compared = 0
        self._holders: dict[int, list[int]] = {}
        for number, own in enumerate(found):
            for shingle in own - self._template:
                self._holders.setdefault(shingle, []).append(number)

    def holds(self, question: Asked) -> bool:
        """Whether the set has this prompt, or one that nearly equals it."""
        return question.prompt in self._prompts or next(self._near(question), None) is not None

    def matching(self, question: Asked) -> set[int]:
        """The places in the set of this prompt and of those that nearly equal it."""
        return {*self._prompts.get(question.prompt, ()), *self._near(question)}

    def leading(self, question: Asked) -> set[int]:
        """The first place of this prompt and the places of those that nearly equal it, by way of which all are."""
        return {*self._prompts.get(question.prompt, ())[:1], *self._near(question)}

    def _near(self, question: Asked) -> Iterator[int]:
        every = shingles(question.prompt)
        own = every - self._template
        few = len(own) < _LEAST_SHINGLES
        least = _NEAR_FEW if few else NEAR
        known = own & self._holders.keys()
        if not known or len(known) < least * len(own):
            return
        holders = [self._holders[shingle] for shingle in known]
        self._compared += sum(map(len, holders))
        if self._compared > _MOST_COMPARED:
            raise UnsupportedDataset(
                "The records and the questions of a set beside them have the same pairs of words so often that to look "
                f"for these questions takes more than {_MOST_COMPARED:,} comparisons. Drop a sample of the dataset, "
                "which `finetune prepare --limit` can make, or shorten the project's evaluation or validation set."
            )
        shared = Counter(chain.from_iterable(holders))
        for number, count in shared.items():
            alike = count >= least * (len(own) + self._sizes[number] - count)
            if alike and (not few or self._differs_in_template(question, every, self._questions[number])):
                yield number

    def _differs_in_template(self, question: Asked, own: set[int], other: Asked) -> bool:
        if None not in (question.answer, other.answer) and question.answer != other.answer:
            return False
        pairs = shingles(other.prompt)
        both = len(own & pairs)
        near = both >= NEAR * (len(own) + len(pairs) - both)
        return near and {*question.prompt.split()} ^ {*other.prompt.split()} <= self._usual
