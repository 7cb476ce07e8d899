"""Answers that please a metric and help nobody: echoes, lists of keywords, the same again and again or to everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune.domain.evaluation.items import EvaluationItem, answer_of, references
from finetune.domain.evaluation.reading import words

_ECHO_WORDS, _ECHO_SHARE = 5, 0.9
_FOREIGN, _FOREIGN_ANSWERS, _LISTED_SHARE, _SHORT_WORDS = 3, 2, 0.5, 4
_REPEATED_WORDS, _RUN, _NEW_SHARE = 60, 4, 0.3
# Shorter answers are labels, yes, no and the like, which many questions share.
_SAME_WORDS, _SAME_SHARE, _SAME_EXPECTED, _ONE_EXPECTED = 5, 0.5, 3, 0.5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Keywords and short references of a set by their first word, to find those that an answer has of other items."""

    by_first: Mapping[str, frozenset[tuple[str, ...]]]

    @classmethod
    def of(cls, items: Sequence[EvaluationItem]) -> Vocabulary:
        found: dict[str, set[tuple[str, ...]]] = {}
        for item in items:
            for keyword in _wanted(item):
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


def same_to_all(answered: Sequence[tuple[EvaluationItem, str]]) -> list[str]:
    """The items that got the words which half of all questions got, although other answers are expected of them.

    An answer that is one of its item's references is right, however often it is given.
    """
    given: dict[frozenset[str], list[EvaluationItem]] = {}
    for item, text in answered:
        if len(said := words(text)) >= _SAME_WORDS and answer_of(item) is not None:
            given.setdefault(frozenset(said), []).append(item)
    questions = len({_question(item) for item, _ in answered})
    found = list[str]()
    for same, items in given.items():
        if len(items) < _SAME_SHARE * questions:
            continue
        other = [item for item in items if same not in {frozenset(words(right)) for right in references(item)}]
        expected = Counter({_question(item): answer_of(item) for item in other}.values())
        most = max(expected.values(), default=0)
        if (
            expected.total() >= _SAME_SHARE * questions
            and len(expected) >= _SAME_EXPECTED
            and most <= _ONE_EXPECTED * expected.total()
        ):
            found += [item.id for item in other]
    return found


def _question(item: EvaluationItem) -> tuple[str | None, ...]:
    return (item.system, *(turn.text for turn in item.messages))


def _is_echo(said: Sequence[str], item: EvaluationItem) -> bool:
    """Whether nearly all runs of three words of a text stand in the question."""
    asked = words(item.messages[-1].text)
    if len(said) < _ECHO_WORDS:
        return False
    runs, there = _runs(said, 3), set(_runs(asked, 3))
    return sum(run in there for run in runs) >= _ECHO_SHARE * len(runs)


def _is_list(said: Sequence[str], item: EvaluationItem, vocabulary: Vocabulary) -> bool:
    """Whether most words of a text are keywords or short references, several of them those of other items."""
    fewest = _FOREIGN if item.expected_keywords else _FOREIGN_ANSWERS
    found = vocabulary.within(said) if len(vocabulary.by_first) >= fewest else set()
    if len(found) < fewest:
        return False
    foreign = found - _wanted(item) - vocabulary.within(words(" ".join((item.messages[-1].text, *references(item)))))
    return len(foreign) >= fewest and sum(map(len, found)) >= _LISTED_SHARE * len(said)


def _wanted(item: EvaluationItem) -> set[tuple[str, ...]]:
    """The words of the keywords of an item, or without any those of its short references."""
    short = (said for said in map(words, references(item)) if 0 < len(said) <= _SHORT_WORDS)
    return {*map(words, item.expected_keywords)} or set(short)


def _repeats(said: Sequence[str]) -> bool:
    if len(said) < _REPEATED_WORDS:
        return False
    runs = _runs(said, _RUN)
    return len(set(runs)) < _NEW_SHARE * len(runs)


def _runs(said: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(said[start : start + length]) for start in range(len(said) - length + 1)]
