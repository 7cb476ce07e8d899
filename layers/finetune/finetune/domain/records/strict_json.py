"""One JSON document from bytes, strictly: whatever two readers could read differently is refused with its reason."""

from __future__ import annotations

import json
from typing import Any

import orjson

from finetune.domain.findings import Flaw, quoted

# Eight times the largest record that any base model takes (32,000 tokens of four-byte characters).
MAX_LINE_BYTES = 1 << 20
MAX_DEPTH = 64


class Unreadable(Exception):
    """These bytes are not one JSON document; `flaw` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(code, message)


def quotes(data: bytes) -> int:
    """The number of quotes that delimit strings in a valid JSON document: two for every key and string value."""
    if b"\\" not in data:
        return data.count(b'"')
    if b"\\\\" in data:
        data = data.replace(b"\\\\", b"")  # what is left of a run of backslashes escapes the character behind it
    return data.count(b'"') - data.count(b'\\"')


def parse(data: bytes) -> Any:
    """The document; Unreadable names the byte or character where reading ends, never what stands there."""
    if len(data) > MAX_LINE_BYTES:
        raise Unreadable("line-too-long", f"is longer than {MAX_LINE_BYTES:,} bytes")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _explained(data, error) from None
    strings = _measured(value)
    if quotes(data) != 2 * strings:
        json.loads(data, object_pairs_hook=_unique)  # no number is too long for it that was not for orjson
    return value


def _measured(value: Any) -> int:
    """The number of keys and string values, counted level by level so that depth cannot exhaust the stack."""
    strings, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        kinds = set(map(type, level))
        if str in kinds:
            strings += list(map(type, level)).count(str)
        below: list[Any] = []
        if dict in kinds or list in kinds:
            for item in level:
                if type(item) is dict:
                    strings += len(item)
                    below.extend(item.values())
                elif type(item) is list:
                    below.extend(item)
        if not below:
            return strings
        level = below
    raise Unreadable("nested-too-deep", f"nests deeper than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None: the next test
        raise Unreadable("duplicate-key", f"has the key {quoted(twice)} twice in one object")
    return found


_EXPLANATIONS = {
    "low surrogate": "lone-surrogate",
    "high surrogate": "lone-surrogate",
    "surrogate in hex": "lone-surrogate",
    "infinity": "number-out-of-range",
    "depth": "nested-too-deep",
    "recursion": "nested-too-deep",
}
_WORDS = (b"NaN", b"Infinity", b"-Infinity", b"-NaN")


def _explained(data: bytes, error: orjson.JSONDecodeError) -> Unreadable:
    try:
        text = data.decode()
    except UnicodeDecodeError as bad:
        return Unreadable("not-utf8", f"has a byte that is not UTF-8 at byte offset {bad.start}")
    if data.count(b"\0") * 3 > len(data):
        return Unreadable("utf-16", "looks like UTF-16 or UTF-32 text, half of its bytes are zero")
    where = f"at character {error.pos + 1}"
    rest = text[max(0, error.pos - 1) :].encode()
    if rest.startswith(_WORDS) or rest[1:].startswith(_WORDS):
        return Unreadable("not-a-number", f"holds NaN or Infinity {where}")
    if "after document" in error.msg:
        if text[error.pos] in "{[":
            return Unreadable("two-documents", f"holds a second JSON document {where}")
        return Unreadable("invalid-json", f"has more text after the JSON document, {where}")
    code = next((code for part, code in _EXPLANATIONS.items() if part in error.msg), "invalid-json")
    return Unreadable(code, f"is not valid JSON: {error.msg} {where}")
