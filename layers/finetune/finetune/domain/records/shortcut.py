"""The shortcut: reads many well-formed lines of plain texts at once and leaves all other lines to `reading`.

Work on single lines is slow, so consecutive lines are read together, in columns. If a run of lines is not plain as a
whole, it is halved again and again until the plain parts are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, compress, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from finetune.domain.records.lines import Lines
from finetune.domain.records.record import NOTHING, SCHEMA_VERSION, SYSTEM, Record, SourceFormat
from finetune.domain.records.strict_json import MAX_LINE_BYTES, quotes

# A run this short is no longer halved: its lines are read one by one.
_SHORT = 4

_PAIR = itemgetter("prompt", "completion")
_MESSAGES, _ROLE, _CONTENT = itemgetter("messages"), itemgetter("role"), itemgetter("content")
_SYSTEM, _TEXT = itemgetter("system"), itemgetter("text")
_VERSION = itemgetter("schemaVersion")
_JOINED = "\0".join


class _NotPlain(ValueError):
    """Only the long way can tell what this is."""


Shape = tuple[SourceFormat, frozenset[str], int]


class Plain(NamedTuple):
    """Records of plain texts in columns.

    A text is `exact_of` the record: its parts are separated by zero characters. A shape is the record's format, its
    sections and its number of turns.
    """

    texts: list[str]
    shapes: list[Shape]


def counted(shapes: Sequence[Shape]) -> Mapping[Shape, int]:
    """How many records there are of each shape; most often there is one, and telling that is cheap."""
    count = shapes.count(shapes[0])
    return {shapes[0]: count} if count == len(shapes) else Counter(shapes)


class _Columns(NamedTuple):
    """`strings` is the number of keys and string values that the records have if they have nothing else."""

    plain: Plain
    strings: int


# Stands between two lines that are parsed together; lines that hold this character themselves are not.
_BETWEEN = "\x7f"
_BETWEEN_BYTES = f',"{_BETWEEN}",'.encode()


def runs(line: int, units: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any], Plain | None]]:
    """Runs of plain lines, each with its first line, and single units that only the long way can tell about."""
    if isinstance(units, Lines):
        found = _together(units.raw)
        if found:
            units.counted(len(found.texts))
        if found or len(units) == 1:
            yield line, units, found
            return
        units = units.parted()
    waiting = [(line, units)]
    while waiting:
        line, part = waiting.pop()
        if found := plain(part):
            yield line, part, found
        elif len(part) == 1:
            yield line, part, None
        elif len(part) <= _SHORT:
            waiting.extend((line + index, part[index : index + 1]) for index in reversed(range(len(part))))
        else:
            half = len(part) // 2
            waiting += [(line + half, part[half:]), (line, part[:half])]


def plain(units: Sequence[Any]) -> Plain | None:
    """The records of well-formed lines of plain texts; None where one of them needs `strict_json` and `reading`.

    Every line accepted here is also accepted by `strict_json` and `reading`, with the same record and no finding.
    Counting quotes proves it: an extra or repeated key would add strings.
    """
    try:
        if max(map(len, units)) > MAX_LINE_BYTES:
            return None
        columns = _read(list(map(orjson.loads, units)))
    except _SURPRISES:
        return None
    # Without escaped quotes the plain count does; with them it is higher, never lower.
    counted = sum(map(bytes.count, units, repeat(b'"')))
    exact = counted == 2 * columns.strings or sum(map(quotes, units)) == 2 * columns.strings
    return columns.plain if exact else None


# Whatever reading a value of another shape than the one expected can raise.
_SURPRISES = (ValueError, KeyError, TypeError, IndexError)


def _together(raw: bytes) -> Plain | None:
    """`plain` of all lines, parsed as one array in which every second element shows that a line ended there."""
    if len(raw) > MAX_LINE_BYTES or b"\x7f" in raw:
        return None
    try:
        values = orjson.loads(b"".join((b"[", raw.replace(b"\n", _BETWEEN_BYTES), b"]")))
        ends = values[1::2]
        if ends != [_BETWEEN] * (len(values) // 2):
            return None
        columns = _read(values[::2])
    except _SURPRISES:
        return None
    exact = raw.count(b'"') == 2 * columns.strings or quotes(raw) == 2 * columns.strings
    return columns.plain if exact else None


def quick(line: bytes) -> Record | None:
    """The record of one plain line; None where only the long way can tell."""
    columns = plain((line,))
    return record_of(columns, 0) if columns else None


def record_of(columns: Plain, index: int) -> Record | None:
    """One record of the columns; None when its texts hold zeros of their own."""
    texts = columns.texts[index].split("\0")
    source, sections, turns = columns.shapes[index]
    if len(texts) != turns + len(sections):
        return None
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": [{"text": text}]}
        for number, text in enumerate(texts[len(sections) :])
    ]
    return Record(source, texts[0] if sections else None, messages, texts, sections)


def _read(values: list[Any]) -> _Columns:
    if "prompt" in values[0]:
        return _pairs(values)
    if "schemaVersion" in values[0]:
        return _bedrock(values)
    return _strings(values)


_PAIR_SHAPE: Shape = ("prompt-completion", NOTHING, 2)


def _pairs(values: list[Any]) -> _Columns:
    rows = list(map(_PAIR, values))
    texts = list(map(_JOINED, rows))
    for column in zip(*rows, strict=True):
        _require_texts(column)
    return _Columns(Plain(texts, [_PAIR_SHAPE] * len(texts)), 4 * len(texts))


def _bedrock(values: list[Any]) -> _Columns:
    if set(map(_VERSION, values)) != {SCHEMA_VERSION}:
        raise _NotPlain
    systems = ["system" in value for value in values]
    blocks = _single(list(map(_SYSTEM, compress(values, systems))))
    conversations = list(map(_MESSAGES, values))
    turns = _turns(conversations)
    texts = list(map(_TEXT, _single(list(map(_CONTENT, turns)))))
    plain = _plain("bedrock-conversation-2024", conversations, texts, systems, list(map(_TEXT, blocks)))
    return _Columns(plain, 3 * len(values) + 3 * len(blocks) + 5 * len(turns))


def _strings(values: list[Any]) -> _Columns:
    """OpenAI's and Anthropic's conversations, as far as every content is a string."""
    conversations: list[list[Any]] = list(map(_MESSAGES, values))
    if "system" in values[0]:
        prompts, systems, own = list(map(_SYSTEM, values)), [True] * len(values), 2 * len(values)
        turns = _turns(conversations)
        plain = _plain("anthropic-messages", conversations, list(map(_CONTENT, turns)), systems, prompts)
    else:
        systems = [turns[0]["role"] == "system" for turns in conversations]
        prompts = [turns[0]["content"] for turns, leads in zip(conversations, systems, strict=True) if leads]
        if prompts:
            conversations = [turns[leads:] for turns, leads in zip(conversations, systems, strict=True)]
        own = 4 * len(prompts)
        turns = _turns(conversations)
        plain = _plain("openai-chat", conversations, list(map(_CONTENT, turns)), systems, prompts)
    return _Columns(plain, len(values) + 4 * len(turns) + own)


def _turns(conversations: list[Any]) -> list[Any]:
    """All turns behind each other, which alternate in every conversation."""
    turns = list(chain.from_iterable(conversations))
    if list(map(_ROLE, turns)) != ["user", "assistant"] * (len(turns) // 2):
        raise _NotPlain
    return turns


def _single(lists: list[Any]) -> list[Any]:
    """The elements of lists of one."""
    if lists and set(map(len, lists)) != {1}:
        raise _NotPlain
    return list(chain.from_iterable(lists))


def _plain(
    source: SourceFormat, conversations: list[Any], texts: list[str], systems: list[bool], prompts: list[str]
) -> Plain:
    """Columns of conversations: the texts of all turns behind each other, and the system prompts of those with one."""
    counts = list(map(len, conversations))
    kinds = list(zip(systems, counts, strict=True))
    shapes = {kind: _shape(source, *kind) for kind in set(kinds)}
    _require_texts(texts)
    if prompts:
        _require_texts(prompts)
    if len(shapes) == 1:
        columns = [prompts] * bool(prompts) + [texts[turn :: counts[0]] for turn in range(counts[0])]
        return Plain(list(map(_JOINED, zip(*columns, strict=True))), list(shapes.values()) * len(kinds))
    ends = list(accumulate(counts))
    own = [_JOINED(texts[end - count : end]) for count, end in zip(counts, ends, strict=True)]
    if prompts:
        system = iter(prompts)
        own = [f"{next(system)}\0{text}" if has else text for text, has in zip(own, systems, strict=True)]
    return Plain(own, [shapes[kind] for kind in kinds])


def _shape(source: SourceFormat, system: bool, turns: int) -> Shape:
    if turns % 2 or not turns:
        raise _NotPlain
    if source == "openai-chat" and not system:
        source = "messages"  # reads the same as Anthropic's
    return source, SYSTEM if system else NOTHING, turns


_IS_SPACE: Callable[[str], bool] = str.isspace


def _require_texts(texts: Sequence[str]) -> None:
    """TypeError from `isspace` where one is no string."""
    if not all(texts) or any(map(_IS_SPACE, texts)):
        raise _NotPlain
