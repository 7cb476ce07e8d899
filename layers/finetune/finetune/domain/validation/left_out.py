"""What a dataset holds under keys that no record has a place for: content that must not be left out, or metadata.

Content is text that differs from record to record: sentences, not ids, dates, links or a few words that repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from finetune.domain.findings import Flaw, quoted
from finetune.domain.records.shapes import MEDIA, name_of

_MOST_KEYS = 50
# Of this many values it is known whether they differ.
_REMEMBERED = 1_000
_LOOKED_AT, _MOST_PARTS = 2_000, 100
# Texts of which this share differ are no category, and texts with this many words no name.
_DIFFER = 0.5
_WORDS = 3
_UNSPACED = 12
_WORD = re.compile(r"[^\W\d_]{2,}")
# Scripts that put no spaces between words.
_IDEOGRAPH = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class LeftOut:
    """Looks at the values of each unknown key of a dataset's records, in bounded memory."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}

    def add(self, values: Mapping[str, Any]) -> None:
        """Note what one record holds under unknown keys."""
        for key, value in values.items():
            if key in self._keys or len(self._keys) < _MOST_KEYS:
                self._keys.setdefault(key, _Key()).add(value)

    def content(self) -> Iterator[Flaw]:
        """A flaw for each key that holds content."""
        for key, found in self._keys.items():
            if found.count and name_of(key) in MEDIA:
                what = "media, which a record can only hold in blocks of bedrock-conversation-2024"
            elif found.differs:
                what = "text that differs from record to record"
            else:
                continue
            yield Flaw("content-left-out", f"the key {quoted(key)} holds {what}, in {found.count:,} records")


class _Key:
    def __init__(self) -> None:
        self.count = self._sentences = 0
        self._different: set[int] = set()

    def add(self, value: Any) -> None:
        if value in (None, "", [], {}):
            return
        self.count += 1
        if self.count > _REMEMBERED:
            return
        text = " ".join(_texts(value))[:_LOOKED_AT]
        self._different.add(hash(text))
        self._sentences += len(_WORD.findall(text)) >= _WORDS or len(_IDEOGRAPH.findall(text)) >= _UNSPACED

    @property
    def differs(self) -> bool:
        looked_at = min(self.count, _REMEMBERED)
        return len(self._different) >= max(2, _DIFFER * looked_at) and self._sentences >= max(2, _DIFFER * looked_at)


def _texts(value: Any, deep: int = 3) -> Iterator[str]:
    """Every string in a value, links left out."""
    if isinstance(value, str):
        if "://" not in value[:12]:
            yield value
    elif deep and isinstance(value, list | dict):
        for each in islice(value.values() if isinstance(value, dict) else value, _MOST_PARTS):
            yield from _texts(each, deep - 1)
