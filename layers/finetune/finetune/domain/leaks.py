"""Evaluation items that a contestant was trained on: what they show is memory, so they are refused and not scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from finetune.domain.dataset import read_unit
from finetune.domain.evaluation_set import EvaluationItem, to_jsonl
from finetune.domain.overlap import Overlap
from finetune.domain.rules import DatasetRules
from finetune.domain.shortcut import quick
from finetune.domain.similarity import normalised, prompt_and_identity
from finetune.domain.split import StagedFile, item_tokens

TrainedBy = Literal["candidate", "champion"]


@dataclass(frozen=True, slots=True)
class Leak:
    """An item by its line and whose training data asks the same, or nearly the same."""

    id: str
    line: int
    trained: TrainedBy


def leaks(items: Sequence[EvaluationItem], trained_on: Iterable[tuple[TrainedBy, Iterable[bytes]]]) -> tuple[Leak, ...]:
    """The items whose prompt a line of staged training data has, but for case, space, punctuation or a few words.

    Of a record's prompt the system prompt is left out, as `prepare_dataset` does where it removes rows.
    """
    index = Overlap(b"\x1f".join(normalised(turn.text) for turn in item.messages) for item in items)
    found: dict[int, TrainedBy] = {}
    for who, lines in trained_on:
        for line in filter(None, lines):
            reading = None if (record := quick(line)) else read_unit(line)
            record = record or (reading.record if reading else None)
            if record:
                for number in index.matching(prompt_and_identity(record)[0]):
                    found.setdefault(number, who)
    return tuple(Leak(items[number].id, items[number].line, who) for number, who in sorted(found.items()))


def without(
    items: Sequence[EvaluationItem], refused: Iterable[Leak], rules: DatasetRules
) -> tuple[StagedFile | None, bytes]:
    """The evaluation set without the refused items, as it is to be staged; None when nothing is left."""
    names = {leak.id for leak in refused}
    kept = [item for item in items if item.id not in names]
    data = to_jsonl(kept)
    tokens = sum(item_tokens(item, rules) for item in kept)
    return StagedFile(len(kept), len(data), sha256(data).hexdigest(), tokens) if kept else None, data
