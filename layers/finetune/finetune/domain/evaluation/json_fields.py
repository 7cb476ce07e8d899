"""Two JSON documents by their facts: the scalars with their places, what stands together, and what follows what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from finetune.domain.evaluation.reading import json_in, parsed, scalar

# A list of texts that are no longer is one of names or tags.
_SET_WORDS = 2
_ORDERED = frozenset(
    (
        "steps",
        "order",
        "sequence",
        "route",
        "ranking",
        "ranked",
        "instructions",
        "procedure",
        "timeline",
        "itinerary",
        "stops",
    )
)


def json_match(text: str, reference: str, *, strictly: bool = False) -> float:
    """F1 over the facts of both documents, as in slot filling; 0 for an answer that holds no JSON.

    Facts are the scalars with their paths, which of them stand together in an object of a list, and what follows what
    in a list whose order may mean something: of numbers, of texts longer than two words, or under a name like "steps".
    """
    read = parsed if strictly else json_in
    answer, expected = Counter(_leaves(read(text))), Counter(_leaves(json_in(reference)))
    return f_measure((answer & expected).total(), answer.total(), expected.total())


def f_measure(matches: int, answered: int, expected: int, *, both_empty: float = 1.0) -> float:
    """Harmonic mean of precision and recall."""
    if not answered and not expected:
        return both_empty
    return 2 * matches / (answered + expected)


def _leaves(document: Any) -> Iterator[tuple[object, ...]]:
    """The facts of a JSON document, in no order and without recursion: an answer may nest deeply.

    A path is a pair of the path above and the last step, so that it is not copied for each scalar.
    """
    pending: list[tuple[object, Any]] = [] if document is None else [(None, document)]
    while pending:
        path, value = pending.pop()
        match value:
            case dict() if value:
                pending.extend(((path, key), inner) for key, inner in value.items())
            case list() if value:
                item = (path, "[]")
                pending.extend((item, inner) for inner in value)
                yield from ((item, "together", each) for each in map(_together, value) if each)
                if _in_order(value, path):
                    yield from ((item, "follows", *map(scalar, pair)) for pair in pairwise(value))
            case dict() | list():
                yield path, repr(value)
            case _:
                yield path, scalar(value)


def _together(value: Any) -> tuple[tuple[str, str], ...]:
    """The scalars of an object of a list, which say something together that they do not apart."""
    if not isinstance(value, dict) or len(value) < 2:
        return ()
    return tuple(sorted((key, scalar(inner)) for key, inner in value.items() if not isinstance(inner, dict | list)))


def _in_order(values: Sequence[Any], path: object) -> bool:
    """Whether the order of a list may mean something: that of names and tags does not."""
    if any(isinstance(value, dict | list) for value in values):
        return False
    if isinstance(path, tuple) and str(path[1]).lower() in _ORDERED:
        return True
    return not all(isinstance(value, str) and len(value.split()) <= _SET_WORDS for value in values)
