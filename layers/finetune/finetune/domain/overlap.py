"""Whether a prompt of the training data is also asked in an evaluation or validation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from finetune.domain.similarity import shingles

# Near means that 70 % of the pairs of neighbouring words of two prompts are the same: one word in twelve may differ.
# What many prompts of the set share is their template and says nothing. Prompts with less than five such pairs of their
# own are near only if half of these are the same too, and all words that differ are words of the template.
_NEAR = 0.7
_NEAR_FEW = 0.5
_TEMPLATE_SHARE = 0.1
_LEAST_SHINGLES = 5
_MOST_SHINGLES = 1_000_000


def alike(prompts: Sequence[bytes]) -> list[int]:
    """For each normalised prompt the place of the first that asks the same, directly or by way of others."""
    index, standing_for = Overlap(prompts), list(range(len(prompts)))

    def stand_in(number: int) -> int:
        while standing_for[number] != number:
            number = standing_for[number]
        return number

    for number, prompt in enumerate(prompts):
        for other in index.matching(prompt):
            one, another = sorted((stand_in(number), stand_in(other)))
            standing_for[another] = one
    return [stand_in(number) for number in range(len(prompts))]


class Overlap:
    """An index of normalised prompts; near ones are found among the first million pairs of words of the set."""

    def __init__(self, prompts: Iterable[bytes]) -> None:
        self._prompts: dict[bytes, list[int]] = {}
        self._texts: list[bytes] = []
        found: list[set[int]] = []
        kept = 0
        for number, prompt in enumerate(prompts):
            self._prompts.setdefault(prompt, []).append(number)
            if kept < _MOST_SHINGLES:
                self._texts.append(prompt)
                found.append(shingles(prompt))
                kept += len(found[-1])
        frequency = Counter(shingle for own in found for shingle in own)
        often = max(2, len(found) * _TEMPLATE_SHARE)
        self._template = {shingle for shingle, count in frequency.items() if count > often}
        words = Counter(word for text in self._texts for word in set(text.split()))
        self._usual = {word for word, count in words.items() if count > often}
        self._sizes = [len(own - self._template) for own in found]
        self._holders: dict[int, list[int]] = {}
        for number, own in enumerate(found):
            for shingle in own - self._template:
                self._holders.setdefault(shingle, []).append(number)

    def holds(self, prompt: bytes) -> bool:
        """Whether the set has this normalised prompt, or one that nearly equals it."""
        return prompt in self._prompts or next(self._near(prompt), None) is not None

    def matching(self, prompt: bytes) -> set[int]:
        """The places in the set of this normalised prompt and of those that nearly equal it."""
        return {*self._prompts.get(prompt, ()), *self._near(prompt)}

    def _near(self, prompt: bytes) -> Iterator[int]:
        every = shingles(prompt)
        own = every - self._template
        few = len(own) < _LEAST_SHINGLES
        least = _NEAR_FEW if few else _NEAR
        known = own & self._holders.keys()
        if not known or len(known) < least * len(own):
            return
        shared = Counter(number for shingle in known for number in self._holders[shingle])
        for number, count in shared.items():
            alike = count >= least * (len(own) + self._sizes[number] - count)
            if alike and (not few or self._differs_in_template(prompt, every, self._texts[number])):
                yield number

    def _differs_in_template(self, prompt: bytes, own: set[int], text: bytes) -> bool:
        other = shingles(text)
        both = len(own & other)
        near = both >= _NEAR * (len(own) + len(other) - both)
        return near and {*prompt.split()} ^ {*text.split()} <= self._usual
