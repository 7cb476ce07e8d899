"""Answers that please a metric and help nobody: echoes of the question, lists of keywords, the same again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune.domain.evaluation.items import EvaluationItem, references
from finetune.domain.evaluation.reading import words

_ECHO_WORDS, _ECHO_SHARE = 5, 0.9
_FOREIGN, _LISTED_SHARE = 3, 0.5
_REPEATED_WORDS, _RUN, _NEW_SHARE = 60, 4, 0.3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The keywords of a set by their first word, to find those that an answer has of other items."""

    by_first: Mapping[str, frozenset[tuple[str, ...]]]

    @classmethod
    def of(cls, items: Sequence[EvaluationItem]) -> Vocabulary:
        found: dict[str, set[tuple[str, ...]]] = {}
        for item in items:
            for keyword in map(words, item.expected_keywords):
                found.setdefault(keyword[0] if keyword else "", set()).add(keyword)
        return cls({first: frozenset(each) for first, each in found.items()})

    def within(self, said: Sequence[str]) -> set[tuple[str, ...]]:
        """The keywords that an answer of these words has."""
        found = set[tuple[str, ...]]()
        for place, word in enumerate(said):
            found |= {each for each in self.by_first.get(word, ()) if tuple(said[place : place + len(each)]) == each}
        return found


def is_gaming(text: str, item: EvaluationItem, vocabulary: Vocabulary) -> bool:
    """Whether an answer is an echo, a list of keywords or a repetition, where no reference is one."""
    said = words(text)
    return (
        (_is_echo(said, item) and not any(_is_echo(words(right), item) for right in references(item)))
        or _is_list(said, item, vocabulary)
        or _repeats(said)
    )


def _is_echo(said: Sequence[str], item: EvaluationItem) -> bool:
    """Whether nearly all runs of three words of a text stand in the question."""
    asked = words(item.messages[-1].text)
    if len(said) < _ECHO_WORDS:
        return False
    runs, there = _runs(said, 3), set(_runs(asked, 3))
    return sum(run in there for run in runs) >= _ECHO_SHARE * len(runs)


def _is_list(said: Sequence[str], item: EvaluationItem, vocabulary: Vocabulary) -> bool:
    """Whether most words of a text are keywords, several of them those of other items."""
    found = vocabulary.within(said) if len(vocabulary.by_first) >= _FOREIGN else set()
    if len(found) < _FOREIGN:
        return False
    own = {words(keyword) for keyword in item.expected_keywords}
    foreign = found - own - vocabulary.within(words(" ".join((item.messages[-1].text, *references(item)))))
    return len(foreign) >= _FOREIGN and sum(map(len, found)) >= _LISTED_SHARE * len(said)


def _repeats(said: Sequence[str]) -> bool:
    if len(said) < _REPEATED_WORDS:
        return False
    runs = _runs(said, _RUN)
    return len(set(runs)) < _NEW_SHARE * len(runs)


def _runs(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(said[start : start + length]) for start in range(len(said) - length + 1)]
