"""The shortcut: well-formed lines of the plain shapes in a few microseconds, everything else left to `reading`."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import orjson

from finetune.domain.records import NOTHING, SCHEMA_VERSION, SYSTEM, Record, SourceFormat, of_texts
from finetune.domain.strict_json import MAX_LINE_BYTES, quotes

_ROLES = ("user", "assistant")


class _NotPlain(ValueError):
    """Only the long way can tell what this is."""


def quick(line: bytes) -> Record | None:
    """The record of a well-formed line of plain texts; None where only `strict_json.parse` and `reading.read` can tell.

    Whatever this accepts they accept without error or warning and read the same: the line has as many strings as the
    keys looked at and their values, so that it can have no other key and no key twice.
    """
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        value = orjson.loads(line)
        if "prompt" in value:
            record, strings = _pair(value)
        elif "schemaVersion" in value:
            record, strings = _bedrock(value)
        else:
            record, strings = _strings(value)
    except (ValueError, KeyError, TypeError, IndexError):  # whatever reading a value of another shape can raise
        return None
    # Without escaped quotes the plain count does; with them it is higher, never lower.
    return record if line.count(b'"') == 2 * strings or quotes(line) == 2 * strings else None


def _pair(value: Any) -> tuple[Record, int]:
    return of_texts("prompt-completion", None, _plain(value["prompt"]), _plain(value["completion"])), 4


def _bedrock(value: Any) -> tuple[Record, int]:
    turns, texts, strings = value["messages"], [], 3
    if value["schemaVersion"] != SCHEMA_VERSION or not turns or len(turns) % 2:
        raise _NotPlain
    system = None
    if "system" in value:
        [block] = value["system"]
        system, strings = _plain(block["text"]), 6
        texts.append(system)
    for turn, role in zip(turns, cycle(_ROLES), strict=False):
        [block] = turn["content"]
        text = block["text"]
        if turn["role"] != role or type(text) is not str or not text or text.isspace():
            raise _NotPlain
        texts.append(text)
    sections = NOTHING if system is None else SYSTEM
    return Record("bedrock-conversation-2024", system, turns, texts, sections), strings + 5 * len(turns)


def _strings(value: Any) -> tuple[Record, int]:
    """OpenAI's and Anthropic's conversations, as far as every content is a string."""
    turns, system, strings = value["messages"], None, 1
    source: SourceFormat = "messages"
    if "system" in value:
        system, strings, source = _plain(value["system"]), 3, "anthropic-messages"
    elif turns[0]["role"] == "system":
        first, *turns = turns
        system, strings, source = _plain(first["content"]), 5, "openai-chat"
    texts = [] if system is None else [system]
    messages = []
    for turn, role in zip(turns, cycle(_ROLES), strict=False):
        if turn["role"] != role:
            raise _NotPlain
        text = _plain(turn["content"])
        texts.append(text)
        messages.append({"role": role, "content": [{"text": text}]})
    if not turns or len(turns) % 2:
        raise _NotPlain
    sections = NOTHING if system is None else SYSTEM
    return Record(source, system, messages, texts, sections), strings + 4 * len(turns)


def _plain(text: Any) -> str:
    if type(text) is not str or not text or text.isspace():
        raise _NotPlain
    return text
