"""What one base model and method ask of a dataset, and what of that a single record breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from operator import itemgetter, sub
from sys import maxsize
from typing import Any, Literal, NamedTuple

from finetune.domain import tokens
from finetune.domain.catalog import BaseModelRow, Bounds, Media, Method, RecordFormat
from finetune.domain.findings import Flaw, not_a_warning, quoted
from finetune.domain.records.conversion import misfit
from finetune.domain.records.record import MAX_TURNS, Record, SourceFormat
from finetune.domain.records.shortcut import Plain, counted
from finetune.domain.similarity.identity import media_of
from finetune.errors import SettingsInvalid

# As Bedrock counts when it refuses an image: "image exceeds 5 MB maximum: 7167852 bytes > 5242880 bytes".
MEGABYTE = 2**20
# Where a text has more of the characters that end reserved strings, searching for the strings themselves is cheaper.
_MANY_MARKS = 4_096


@dataclass(frozen=True, slots=True)
class DatasetRules:
    """Everything a check needs to know; `errors` are warning codes that count as errors here.

    `columns` are those of a table that have names of their own.
    A job may read media only under `media_root`, the project's own folder, which is None if no bucket is known.
    `media_size` returns the size of a file in bytes by its URI, or None if the file does not exist. Without
    `media_size` files are not looked up.
    """

    base_model: str
    name: str
    provider: str
    method: Method
    record_format: RecordFormat
    records: Bounds
    validation_records: Bounds | None
    validation_counts: Literal["to_maximum", "to_both"] | None
    validation_allowed: bool
    tokens_per_record: int | None
    reserved: tuple[str, ...]
    reserved_ignores_case: bool
    media: Mapping[Literal["image", "video"], Media]
    reasoning: bool
    caption_characters: Bounds | None
    uniform_sections: bool
    errors: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(default_factory=dict)
    media_root: str | None = None
    media_size: Callable[[str], int | None] | None = None

    def bounds(self, role: str) -> Bounds:
        """The least and most records of a training or validation file."""
        return (
            self.records
            if role == "training"
            else self.validation_records or Bounds(minimum=1, maximum=self.records.maximum)
        )

    def counted(self, records: int, elsewhere: int) -> Bounds:
        """What records of one file, and of the other, come to beside the minimum and beside the maximum."""
        counts = self.validation_counts
        return Bounds(minimum=records + elsewhere * (counts == "to_both"), maximum=records + elsewhere * bool(counts))


def rules_for(  # noqa: PLR0913 - one for each choice of a project
    row: BaseModelRow,
    method: Method,
    *,
    minimum_records: int | None = None,
    maximum_records: int | None = None,
    tokens_per_record: int | None = None,
    errors: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
    media_root: str | None = None,
) -> DatasetRules:
    """The rules of a catalog row, with the bounds that an account had raised and the warnings to count as errors.

    `columns` names the columns of a table by the parts of a record: prompt, completion, system.

    Raises SettingsInvalid if the base model does not have the method, or if a code in `errors` does not exist.
    """
    if method not in row.methods:
        known = ", ".join(row.methods) or "none that this pipeline can start"
        raise SettingsInvalid(f"base_model {row.id!r} has no method {method}; it has {known}.")
    if wrong := not_a_warning(errors):
        raise SettingsInvalid(f"{wrong}.")
    rules = row.methods[method]
    return DatasetRules(
        base_model=row.id,
        name=row.name,
        provider=row.provider,
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
        uniform_sections=row.uniform_sections,
        errors=frozenset(errors),
        columns=columns or {},
        media_root=media_root,
    )


_MEDIA = re.compile(r"(s3://[^/]+/projects/[^/]+/media/)(.+)")


def media_name(uri: str, root: str | None = None) -> str | None:
    """What a file is called in the media folder `root`, or in that of any project; None where it lies elsewhere.

    >>> media_name("s3://data/projects/shop/media/2026/cat.png"), media_name("s3://data/shop/media/cat.png")
    ('2026/cat.png', None)
    """
    found = _MEDIA.fullmatch(uri)
    if found is None or root not in {None, found[1]} or not {"", ".", ".."}.isdisjoint(found[2].split("/")):
        return None
    return found[2]


class _Mark(NamedTuple):
    """The last character of some reserved strings; few texts hold it, so searching for it is fast.

    `stems` are the parts of the strings before that character, back to the previous such character. `before` holds the
    last characters of the stems.
    """

    character: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    longest: int
    before: frozenset[str]


class RecordCheck:
    """Measures records and holds them against the rules; made once per dataset because it is asked once per record."""

    __slots__ = ("_cased", "_expressible", "_limit", "_marks", "_near", "_rules", "_weights")

    def __init__(self, rules: DatasetRules) -> None:
        self._rules = rules
        self._weights = tokens.weights(rules.provider)
        self._limit = rules.tokens_per_record or maxsize
        # Below this no kind of text can be over the bound; what is above it is looked at by its kind.
        self._near = self._limit * (1 + min(error.low for error in tokens.errors(rules.provider).values()))
        # Formats, sections and numbers of turns that were found to fit; most records of a dataset are alike in them.
        self._expressible: set[tuple[str, frozenset[str], int]] = set()
        self._cased: Callable[[str], str] = str.lower if rules.reserved_ignores_case else str
        self._marks = [
            self._mark(character, tuple(words))
            for character, words in groupby(sorted(rules.reserved, key=itemgetter(-1)), key=itemgetter(-1))
        ]

    def _mark(self, character: str, words: tuple[str, ...]) -> _Mark:
        stems = tuple(self._cased(word[:-1].rpartition(character)[2]) for word in words)
        before = frozenset(spelt for stem in stems for spelt in (stem[-1:], stem[-1:].upper()))
        return _Mark(character, words, stems, max(map(len, stems)), before)

    def measure(self, record: Record, text: str) -> tuple[int, int, list[Flaw]]:
        """Characters, estimated tokens, and what the base model refuses in a well-formed record; warnings come along.

        `text` is `exact_of` the record, which is taken because the caller has it.
        """
        characters = len(text) - len(record.texts) + 1
        extra = 0 if text.isascii() else len(text.encode()) - len(text)
        token_count = ceil(self._weights.character * characters + self._weights.extra_byte * extra)
        flaws = self._shape_flaws(record.format, record.sections, len(record.messages))
        flaws += self._text_flaws(text, token_count)
        if media := media_of(record):
            flaws += self._media_flaws(record, media)
        caption = self._rules.caption_characters if record.image_ref is not None else None
        if caption and not caption.minimum <= characters <= caption.maximum:
            message = f"the caption has {characters} characters, not {caption.minimum} to {caption.maximum}"
            flaws.append(Flaw("caption-length", message))
        return characters, token_count, flaws

    def measure_all(self, plain: Plain) -> tuple[list[int], list[int], dict[int, list[Flaw]]]:
        """What `measure` says of each record of the columns; flaws by index, of those that have any."""
        texts, shapes = plain
        kinds = counted(shapes)
        # The texts of a record stand in one string with a zero between two.
        between = {shape: shape[2] + len(shape[1]) - 1 for shape in kinds}
        if len(kinds) == 1:
            zeros = between[shapes[0]]
            characters = [len(text) - zeros for text in texts]
        else:
            characters = [len(text) - between[shape] for text, shape in zip(texts, shapes, strict=True)]
        together = "\0".join(texts)
        token_counts = self._token_counts(texts, characters, is_ascii=together.isascii())
        unfit = {shape for shape in kinds if self._shape_flaws(*shape)}
        if not unfit and max(token_counts) <= self._near and not self._maybe_reserved(together):
            return characters, token_counts, {}
        flaws = (
            (self._shape_flaws(*shape) if shape in unfit else []) + self._text_flaws(text, token_count)
            for shape, text, token_count in zip(shapes, texts, token_counts, strict=True)
        )
        return characters, token_counts, {index: found for index, found in enumerate(flaws) if found}

    def _token_counts(self, texts: Sequence[str], characters: Sequence[int], *, is_ascii: bool) -> list[int]:
        """Estimated tokens of records by their texts and numbers of characters."""
        each, beyond = self._weights
        if is_ascii:
            return [ceil(each * count) for count in characters]
        extra = map(sub, map(len, map(str.encode, texts)), map(len, texts))
        return [ceil(each * count + beyond * more) for count, more in zip(characters, extra, strict=True)]

    def _shape_flaws(self, source: SourceFormat, sections: frozenset[str], turns: int) -> list[Flaw]:
        if (source, sections, turns) in self._expressible:
            return []
        flaws = self._media_and_reasoning(sections)
        if turns > MAX_TURNS:
            flaws.append(Flaw("too-many-turns", f"messages holds {turns:,} turns; the most is {MAX_TURNS:,}"))
        if flaw := misfit(source, sections, turns, self._rules.record_format):
            flaws.append(flaw)
        if not flaws:
            self._expressible.add((source, sections, turns))
        return flaws

    def _text_flaws(self, text: str, token_count: int) -> list[Flaw]:
        flaws = []
        if self._maybe_reserved(text):
            searched = self._cased(text)
            flaws = [
                Flaw("reserved-string", f"holds the reserved string {word!r}")
                if word in text or word.upper() in text
                else Flaw("reserved-in-other-case", f"holds the reserved string {word!r} in another case")
                for mark in self._marks
                for word in mark.words
                if self._cased(word) in searched
            ]
        if token_count > self._near:
            flaws += self._long(text, token_count)
        return flaws

    def _maybe_reserved(self, text: str) -> bool:
        """Whether something that ends a reserved string stands behind the rest of one."""
        for mark in self._marks:
            end = -1
            for _ in range(_MANY_MARKS):
                end = text.find(mark.character, end + 1)
                if end < 0:
                    break
                if text[end - 1 : end] in mark.before:
                    stem = text[max(0, end - mark.longest) : end]
                    if self._cased(stem).endswith(mark.stems):
                        return True
            else:
                return True
        return False

    def _long(self, text: str, token_count: int) -> list[Flaw]:
        """Too long when that is so with the error of the estimate allowed for; a warning where it may be so."""
        least, most = tokens.likely(token_count, text, self._rules.provider)
        if most <= self._limit:
            return []
        code = "too-many-tokens" if least > self._limit else "near-token-limit"
        count = f"has about {token_count:,} tokens by estimate, likely {least:,} to {most:,}"
        return [Flaw(code, f"{count}; {self._rules.name} takes at most {self._limit:,} in a record")]

    def _media_flaws(self, record: Record, references: str) -> list[Flaw]:
        """What the base model does not take of the images and videos, and what its job could not read."""
        blocks: list[dict[str, Any]] = [block for turn in record.messages for block in turn["content"]]
        flaws = []
        if not all(map(self._in_place, references.split("\x1e")[1:])):
            place = self._rules.media_root or "s3://<dataset bucket>/projects/<project>/media/"
            flaws.append(Flaw("media-elsewhere", f"refers to media that is not under {place}"))
        for name, bounds in self._rules.media.items():
            own = [block[name] for block in blocks if name in block]
            if len(own) > bounds.most:
                flaws.append(
                    Flaw("too-much-media", f"holds {len(own)} {name}s; {self._rules.name} takes at most {bounds.most}")
                )
            formats = sorted({media["format"] for media in own} - set(bounds.formats))
            if formats:
                known = f"{self._rules.name} takes {', '.join(bounds.formats)}"
                flaws.append(Flaw("media-format", f"holds {name}s of the format {quoted(formats[0])}; {known}"))
            uris = [media["source"]["s3Location"]["uri"] for media in own]
            if name == "image" and record.image_ref is not None:
                uris = [record.image_ref]
            flaws += self._file_flaws(name, uris, bounds)
        return flaws

    def _in_place(self, uri: str) -> bool:
        root, asks = self._rules.media_root, self._rules.media_size is not None
        return media_name(uri, root) is not None if root or asks else True

    def _file_flaws(self, name: str, uris: list[str], bounds: Media) -> list[Flaw]:
        """Of the files that a job may read, the first that is missing and the first that is too large."""
        size_of, most = self._rules.media_size, bounds.megabytes * MEGABYTE
        if size_of is None:
            return []
        flaws: dict[str, Flaw] = {}
        for number, uri in enumerate(uris, start=1):
            if not self._in_place(uri):
                continue
            which, size = f"{name} {number} of {len(uris)}", size_of(uri)
            if not size:
                message = f"refers to a file that {'does not exist' if size is None else 'is empty'}: {which}"
                flaws.setdefault("media-missing", Flaw("media-missing", message))
            elif size > most:
                bound = f"{self._rules.name} takes at most {most:,} ({bounds.megabytes} MB)"
                message = f"refers to a file of {size:,} bytes: {which}; {bound}"
                flaws.setdefault("media-too-large", Flaw("media-too-large", message))
        return list(flaws.values())

    def _media_and_reasoning(self, sections: frozenset[str]) -> list[Flaw]:
        flaws = [
            Flaw("media-not-supported", f"holds {section}s, which {self._rules.name} is not trained on")
            for section in ("image", "video")
            if section in sections and section not in self._rules.media
        ]
        if "reasoning" in sections and not self._rules.reasoning:
            flaws.append(
                Flaw("reasoning-not-supported", f"holds reasoning, which {self._rules.name} is not trained on")
            )
        return flaws
