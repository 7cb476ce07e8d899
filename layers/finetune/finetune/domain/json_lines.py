"""JSON Lines of our own making: evaluation items, answers and judgements, written and read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

import jsonlines
from pydantic import BaseModel
from pydantic_core import to_json


def to_jsonl(values: Iterable[BaseModel]) -> bytes:
    """Values as JSON Lines, in order, newline-terminated; what is None is left out."""
    file = BytesIO()
    jsonlines.Writer(file, dumps=partial(to_json, exclude_none=True)).write_all(values)
    return file.getvalue()


def from_jsonl[Kept: BaseModel](data: bytes, kind: type[Kept]) -> tuple[Kept, ...]:
    """What `to_jsonl` wrote, read back as `kind`; a line that is none raises a ValueError with its number."""
    read: Iterator[Any] = jsonlines.Reader(BytesIO(data), loads=kind.model_validate_json).iter(skip_empty=True)
    return tuple(read)
