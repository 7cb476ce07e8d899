"""Variants only for training: neither the variant nor the record it is made of is held out by a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from io import BytesIO, RawIOBase
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, cast

from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.findings import Place
from finetune.domain.json_lines import from_jsonl
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, Sinks, prepare_dataset
from finetune.domain.validation.rules import DatasetRules


class Variant(NamedTuple):
    """One variant as it is written.

    `source` is the record that it was made of, and `row` is the line of that record in the new file.
    """

    place: Place
    rule: str
    content: bytes
    source: bytes
    row: int


class _Nowhere(RawIOBase):
    """A sink that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def only_in_training(
    originals: Callable[[], Iterable[bytes]],
    variants: Sequence[Variant],
    *,
    rows: int,
    rules: DatasetRules,
    shares: Shares,
    seed: int,
) -> list[Variant]:
    """The variants that a run with these shares and seed only trains on.

    The variants follow `rows` original records in the file. What a run holds out depends on all records. So the split
    is repeated without the held-out variants until none is held out.
    """
    left = list(variants)
    while left:
        evaluation, validation = BytesIO(), BytesIO()
        prepare_dataset(
            Inputs(lambda: chain(originals(), (variant.content for variant in left)), ".jsonl"),  # noqa: B023 - called now
            rules,
            shares,
            seed,
            Sinks(cast("BinaryIO", _Nowhere()), validation, evaluation),
        )
        validated = set(validation.getvalue().splitlines(keepends=True))
        asked = {item.line for item in from_jsonl(evaluation.getvalue(), EvaluationItem)}
        kept = [
            variant
            for row, variant in enumerate(left, rows + 1)
            if not asked & {row, variant.row} and not validated & {variant.content, variant.source}
        ]
        if len(kept) == len(left):
            break
        left = kept
    return left
