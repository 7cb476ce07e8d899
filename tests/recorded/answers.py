"""Reads the answers of AWS that lie beside this module, and compares with them what something answered."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent


class Recorded(BaseModel):
    """An answer as its source tells it; what the source does not tell is None or empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    situation: str
    kind: Literal["recording", "report", "example"]
    source: str
    date: datetime.date | None = None
    note: str = ""
    status: int | None = None
    code: str | None = None
    message: str | None = None
    fields: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


@dataclass(frozen=True)
class Seen:
    """An answer that was given here."""

    status: int | None = None
    code: str | None = None
    message: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def recorded() -> list[Recorded]:
    """Every answer of the folder."""
    rows = [row for path in sorted(FOLDER.glob("*.yaml")) for row in yaml.safe_load(path.read_text())]
    return [Recorded.model_validate(row) for row in rows]


def differences(wanted: Recorded, seen: Seen) -> Iterator[str]:
    """Everything that the source tells otherwise."""
    if wanted.code is None and seen.code is not None:
        yield f"was refused: {seen.code}: {seen.message}"
    for name in ("status", "code", "message"):
        value = getattr(wanted, name)
        if value is not None:
            yield from _unlike(value, getattr(seen, name), name)
    yield from _unlike(wanted.fields, seen.fields, "fields")
    yield from _unlike(wanted.headers, seen.headers, "headers")


def _unlike(wanted: Any, seen: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        for name, value in wanted.items():
            if name in seen:
                yield from _unlike(value, seen[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(wanted, list) and isinstance(seen, list) and len(wanted) == len(seen):
        for number, (value, other) in enumerate(zip(wanted, seen, strict=True)):
            yield from _unlike(value, other, f"{path}.{number}")
    elif not (_matches(wanted, seen) if isinstance(wanted, str) and isinstance(seen, str) else wanted == seen):
        yield f"{path} is {seen!r}, recorded was {wanted!r}"


def _matches(wanted: str, seen: str) -> bool:
    """Whether a text is another one in which each `{name}` stands for some text."""
    parts = (re.escape(part) for part in re.split(r"\{[a-z ]+\}", wanted))
    return re.fullmatch("(?s:.+?)".join(parts), seen) is not None
