"""What one base model and method ask of a dataset, and what of that a single record breaks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from operator import itemgetter
from sys import maxsize

from finetune.domain import tokens
from finetune.domain.catalog import BaseModelRow, Bounds, Method, RecordFormat
from finetune.domain.conversion import inexpressible
from finetune.domain.findings import CODES, Flaw
from finetune.domain.records import Record
from finetune.errors import SettingsInvalid

# An estimate this close under the bound is worth a warning.
_NEAR = 0.9


@dataclass(frozen=True, slots=True)
class DatasetRules:
    """Everything a check needs to know; `errors` are warning codes that count as errors here."""

    base_model: str
    name: str
    family: str
    method: Method
    record_format: RecordFormat
    records: Bounds
    validation_records: Bounds | None
    validation_counts: bool
    validation_allowed: bool
    tokens_per_record: int | None
    reserved: tuple[str, ...]
    reserved_ignores_case: bool
    media: tuple[str, ...]
    reasoning: bool
    caption_characters: Bounds | None
    uniform_sections: bool
    errors: frozenset[str] = frozenset()

    def bounds(self, role: str) -> Bounds:
        """The least and most records of a training or validation file."""
        return (
            self.records
            if role == "training"
            else self.validation_records or Bounds(minimum=1, maximum=self.records.maximum)
        )


def rules_for(
    row: BaseModelRow,
    method: Method,
    *,
    minimum_records: int | None = None,
    maximum_records: int | None = None,
    tokens_per_record: int | None = None,
    errors: Collection[str] = (),
) -> DatasetRules:
    """The rules of a catalog row; bounds that an account had raised, and warnings to count as errors, can be given.

    SettingsInvalid when the base model has no such method, or a code in `errors` does not exist.
    """
    if method not in row.methods:
        known = ", ".join(row.methods) or "none that this pipeline can start"
        raise SettingsInvalid(f"base_model {row.id!r} has no method {method}; it has {known}.")
    if unknown := sorted(set(errors) - CODES.keys()):
        raise SettingsInvalid(f"no check has the code {unknown[0]!r}; known are {', '.join(sorted(CODES))}.")
    rules = row.methods[method]
    return DatasetRules(
        base_model=row.id,
        name=row.name,
        family=row.provider,
        method=method,
        record_format=rules.record_format,
        records=Bounds(
            minimum=rules.records.minimum if minimum_records is None else minimum_records,
            maximum=rules.records.maximum if maximum_records is None else maximum_records,
        ),
        validation_records=rules.validation_records,
        validation_counts=rules.validation_counts,
        validation_allowed=row.validation == "accepted",
        tokens_per_record=row.tokens_per_record if tokens_per_record is None else tokens_per_record,
        reserved=row.reserved,
        reserved_ignores_case=row.reserved_ignores_case,
        media=row.media,
        reasoning=row.reasoning,
        caption_characters=row.caption_characters,
        # Amazon's own validators for Nova refuse a dataset in which only some conversations have a section.
        uniform_sections=rules.record_format == "conversation" and row.provider == "Amazon",
        errors=frozenset(errors),
    )


class Judge:
    """Measures records and holds them against the rules; made once per dataset because it is asked once per record."""

    __slots__ = ("_expressible", "_limit", "_near", "_reserved", "_rules", "_weights")

    def __init__(self, rules: DatasetRules) -> None:
        self._rules = rules
        self._weights = tokens.weights(rules.family)
        self._limit = rules.tokens_per_record or maxsize
        self._near = _NEAR * self._limit
        # Formats, sections and numbers of turns that were found to fit; most records of a dataset are alike in them.
        self._expressible: set[tuple[str, frozenset[str], int]] = set()
        # Few texts hold the last character of a reserved string, and looking for one character costs next to nothing.
        self._reserved = [
            (mark, [(word.lower() if rules.reserved_ignores_case else word, word) for word in words])
            for mark, words in groupby(sorted(rules.reserved, key=itemgetter(-1)), key=itemgetter(-1))
        ]

    def measure(self, record: Record, text: str) -> tuple[int, int, list[Flaw]]:
        """Characters, estimated tokens, and what the base model refuses in a well-formed record; warnings come along.

        `text` is `exact_of` the record, which is taken because the caller has it.
        """
        characters = len(text) - len(record.texts) + 1
        extra = 0 if text.isascii() else len(text.encode()) - len(text)
        token_count = ceil(self._weights.character * characters + self._weights.extra_byte * extra)
        flaws: list[Flaw] = []
        if (shape := (record.format, record.sections, len(record.messages))) not in self._expressible:
            flaws += self._media_and_reasoning(record)
            if flaw := inexpressible(record, self._rules.record_format):
                flaws.append(flaw)
            if not flaws:
                self._expressible.add(shape)
        for mark, words in self._reserved:
            if mark in text:
                searched = text.lower() if self._rules.reserved_ignores_case else text
                flaws += [
                    Flaw("reserved-string", f"holds the reserved string {word!r}")
                    for low, word in words
                    if low in searched
                ]
        if token_count > self._near:
            flaws.append(self._long(token_count))
        caption = self._rules.caption_characters if record.image_ref is not None else None
        if caption and not caption.minimum <= characters <= caption.maximum:
            message = f"the caption has {characters} characters, not {caption.minimum} to {caption.maximum}"
            flaws.append(Flaw("caption-length", message))
        return characters, token_count, flaws

    def _long(self, token_count: int) -> Flaw:
        code = "too-many-tokens" if token_count > self._limit else "near-token-limit"
        most = f"{self._rules.name} takes at most {self._limit:,} in a record"
        return Flaw(code, f"has about {token_count:,} tokens by estimate; {most}")

    def _media_and_reasoning(self, record: Record) -> list[Flaw]:
        flaws = [
            Flaw("media-not-supported", f"holds {section}s, which {self._rules.name} is not trained on")
            for section in ("image", "video")
            if section in record.sections and section not in self._rules.media
        ]
        if "reasoning" in record.sections and not self._rules.reasoning:
            flaws.append(
                Flaw("reasoning-not-supported", f"holds reasoning, which {self._rules.name} is not trained on")
            )
        return flaws
