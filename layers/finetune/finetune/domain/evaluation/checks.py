"""What an evaluation item asks of every answer to it, beside being right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from pydantic import ConfigDict, Field, ValidationError

from finetune.domain.evaluation import json_schema
from finetune.domain.evaluation.reading import has_phrase, json_in, plain
from finetune.foreign import foreign
from finetune.frozen import Frozen

MOST_PHRASES, MOST_WORDS = 100, 1_000_000
Phrase = Annotated[str, Field(max_length=1_000)]


class Checks(Frozen):
    """Phrases count as words of their own, whatever their case, spacing and form of numbers.

    `json_schema` keeps to what `json_schema.py` knows.
    """

    model_config = ConfigDict(strict=True)
    must_contain: tuple[Phrase, ...] = Field((), max_length=MOST_PHRASES)
    must_not_contain: tuple[Phrase, ...] = Field((), max_length=MOST_PHRASES)
    min_words: int | None = Field(None, ge=0, le=MOST_WORDS)
    max_words: int | None = Field(None, ge=1, le=MOST_WORDS)
    json_schema: dict[str, Any] | None = None


def read_checks(value: Any) -> tuple[Checks | None, tuple[str, ...]]:
    """The checks of an item as it was written, or what is wrong with them; None when they ask for nothing."""
    if not isinstance(value, Mapping):
        return None, ("checks is not an object",)
    try:
        checks = Checks.model_validate_json(orjson.dumps(value))
    except ValidationError as error:
        return None, tuple(_sentence(detail) for detail in error.errors(include_input=False)[:5])
    if json_schema.has_too_many_parts(checks.json_schema):
        return None, (f"checks.json_schema has more than {json_schema.MOST_PARTS:,} keys and values",)
    if checks.json_schema is not None and (found := tuple(json_schema.flaws(checks.json_schema, "checks.json_schema"))):
        return None, found[:5]
    if not all(phrase.strip() for phrase in (*checks.must_contain, *checks.must_not_contain)):
        return None, ("checks holds an empty phrase",)
    return (checks if checks != Checks() else None), ()


def _sentence(detail: Any) -> str:
    key = foreign(".".join(str(part) for part in detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"checks.{key} is not a check; the known checks are {', '.join(Checks.model_fields)}"
    return f"checks.{key} is wrong: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def results(text: str, checks: Checks) -> Iterator[tuple[str, bool]]:
    """Every check by a short name, and whether the answer passes it; each phrase is a check of its own."""
    read, words = _read(text), len(text.split())
    for phrase in checks.must_contain:
        yield f"contains {phrase!r}", has_phrase(read, _read(phrase))
    for phrase in checks.must_not_contain:
        yield f"does not contain {phrase!r}", not has_phrase(read, _read(phrase))
    if checks.min_words is not None:
        yield f"at least {checks.min_words} words", words >= checks.min_words
    if checks.max_words is not None:
        yield f"at most {checks.max_words} words", words <= checks.max_words
    if checks.json_schema is not None:
        yield "matches the JSON schema", matches_schema(text, checks)


def matches_schema(text: str, checks: Checks) -> bool:
    """Whether the answer is or holds one JSON value of the kind asked for."""
    value = json_in(text)
    return value is not None and json_schema.matches(value, checks.json_schema)


def _read(text: str) -> str:
    return " ".join(plain(text).split())
