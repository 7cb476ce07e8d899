"""How a custom model answers: with the answer of the training prompt that is nearest to the question (BM25)."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

_WORD = re.compile(r"\w+")
_K, _B = 1.2, 0.75
# The share of the question's weight (rare words weigh more) that the nearest prompt must contain to be called near.
_NEAR = 0.3
# A word in more prompts than this only ranks the prompts that rarer words have found.
_MOST_NEW_CANDIDATES = 500


class Retriever:
    """An inverted index over training prompts."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._answers = [answer for _, answer in pairs]
        documents = [Counter(words(prompt)) for prompt, _ in pairs]
        self._lengths = [sum(document.values()) for document in documents]
        self._mean_length = sum(self._lengths) / max(1, len(documents)) or 1.0
        self._postings: dict[str, dict[int, int]] = defaultdict(dict)
        for number, document in enumerate(documents):
            for word, count in document.items():
                self._postings[word][number] = count

    def answer(self, question: str) -> str | None:
        """The answer of the nearest training prompt, None if no prompt is near."""
        asked = Counter(words(question))
        scores: dict[int, float] = defaultdict(float)
        covered: dict[int, float] = defaultdict(float)
        for word in sorted(asked, key=self._weight, reverse=True):
            weight, postings = self._weight(word), self._postings.get(word, {})
            common = len(postings) > _MOST_NEW_CANDIDATES and scores
            for number in scores.keys() & postings.keys() if common else postings:
                count = postings[number]
                norm = count + _K * (1 - _B + _B * self._lengths[number] / self._mean_length)
                scores[number] += weight * asked[word] * count * (_K + 1) / norm
                covered[number] += weight
        if not scores:
            return None
        best = max(scores, key=lambda number: (scores[number], -number))
        if covered[best] < _NEAR * sum(map(self._weight, asked)):
            return None
        return self._answers[best]

    def _weight(self, word: str) -> float:
        found = len(self._postings.get(word, ()))
        return math.log(1 + (len(self._answers) - found + 0.5) / (found + 0.5))


def words(text: str) -> list[str]:
    """The words that two texts are compared by."""
    return _WORD.findall(text.lower())
