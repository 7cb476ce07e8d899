"""Evaluation items that a contestant was trained on: what they show is memory, so they are refused and not scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched
from typing import Literal

from finetune.domain.evaluation.items import EvaluationItem, asked_of, item_tokens
from finetune.domain.json_lines import to_jsonl
from finetune.domain.records.conversion import turn_text
from finetune.domain.records.reading import read_unit
from finetune.domain.records.record import Record
from finetune.domain.records.shortcut import runs
from finetune.domain.similarity.identity import (
    LIKENESSES,
    Likeness,
    all_normalised,
    asked_and_answers,
    prompt_and_identity,
    spelled,
)
from finetune.domain.similarity.overlap import Asked, Overlap
from finetune.domain.staging.writer import StagedFile
from finetune.domain.validation.rules import DatasetRules

TrainedBy = Literal["candidate", "champion"]
# Lines are parsed many at once, which takes half the time.
_AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class Leak:
    """An item by its line, whose training data asks the same, and how nearly the same.

    `exact` is letter by letter, `normalised` but for case, space and punctuation, `near` but for a few words.
    """

    id: str
    line: int
    trained: TrainedBy
    likeness: Likeness


def leaks(items: Sequence[EvaluationItem], trained_on: Iterable[tuple[TrainedBy, Iterable[bytes]]]) -> tuple[Leak, ...]:
    """The items whose prompt is in the staged training data; of several such lines the most similar one counts.

    Of a training record's prompt the system prompt is left out, as in `prepare_dataset`.
    """
    asked = list(map(asked_of, items))
    index = Overlap(asked)
    found: dict[int, tuple[Likeness, TrainedBy]] = {}
    for who, lines in trained_on:
        for question, line in _questions(lines):
            for number in index.matching(question):
                likeness = _likeness(items[number], line, same=question.prompt == asked[number].prompt)
                if number not in found or LIKENESSES.index(likeness) < LIKENESSES.index(found[number][0]):
                    found[number] = likeness, who
    refused = [Leak(items[number].id, items[number].line, who, alike) for number, (alike, who) in found.items()]
    return tuple(sorted(refused, key=lambda leak: leak.line))


def asked_again(items: Sequence[EvaluationItem], lines: Iterable[bytes]) -> frozenset[bytes]:
    """The lines of staged training data that ask the same as an item, by the measure of `leaks`, without line ends."""
    index = Overlap(map(asked_of, items))
    return frozenset(line.strip() for question, line in _questions(lines) if index.holds(question))


def _questions(lines: Iterable[bytes]) -> Iterator[tuple[Asked, bytes]]:
    """What every line that holds a record asks and answers, and the line."""
    for batch in batched(filter(None, lines), _AT_A_TIME, strict=False):
        for _, part, plain in runs(1, batch):
            if plain:
                prompts, answers = asked_and_answers(all_normalised(plain.texts), plain.shapes)
                yield from zip(map(Asked, map(spelled, prompts), map(spelled, answers)), part, strict=True)
            elif record := _record(part[0]):
                yield Asked(prompt_and_identity(record)[0]), part[0]


def _record(line: bytes) -> Record | None:
    reading = read_unit(line)
    return reading.record if reading else None


def _likeness(item: EvaluationItem, line: bytes, *, same: bool) -> Likeness:
    record = _record(line) if same else None
    if record is None:
        return "near"
    written = [turn_text(turn) for turn in record.messages[:-1]]
    return "exact" if written == [turn.text for turn in item.messages] else "normalised"


def without(
    items: Sequence[EvaluationItem], refused: Iterable[Leak], rules: DatasetRules
) -> tuple[StagedFile | None, bytes]:
    """The evaluation set without the refused items, as it is to be staged; None when nothing is left."""
    names = {leak.id for leak in refused}
    kept = [item for item in items if item.id not in names]
    data = to_jsonl(kept)
    tokens = sum(item_tokens(item, rules.provider) for item in kept)
    return StagedFile(len(kept), len(data), sha256(data).hexdigest(), tokens) if kept else None, data
