"""What one release writes down and another reads: unknown keys are passed over, and another form is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from finetune.errors import FileUnreadable

# The form of all that is written down. It rises when a reader of the form before would misunderstand a file.
SCHEMA = 1


def marked(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be written down, with the number of its form; what has no number is of the first."""
    return {"schema": SCHEMA, **content}


def read_back[Kind: BaseModel](kind: type[Kind], content: str | bytes, place: str) -> Kind:
    """What this release or another wrote at a place; FileUnreadable when it cannot be understood."""
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise FileUnreadable(f"{place} does not hold what is read from there (the whole: Invalid JSON).") from None
    if isinstance(told, dict) and (form := told.get("schema", SCHEMA)) != SCHEMA:
        raise FileUnreadable(f"{place} has the form {form}, and this release reads the form {SCHEMA}.")
    return recall(kind, told, place)


def recall[Kind: BaseModel](kind: type[Kind], told: Any, place: str) -> Kind:
    """The same, of what is parsed already."""
    try:
        return kind.model_validate(told, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise FileUnreadable(f"{place} does not hold what is read from there ({where}: {first['msg']}).") from None
