"""A record written in the format of a base model, or the reason why the format has no room for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import orjson

from finetune.domain.catalog import RecordFormat
from finetune.domain.findings import Flaw
from finetune.domain.records.record import SCHEMA_VERSION, Record, SourceFormat

_ROLES = ("user", "assistant")
# Source formats that hold no conversation can be written in one way only.
_ONLY_TARGET: Mapping[str, RecordFormat] = {"text": "text_input", "image-caption": "image_caption"}


# What is learned from these is how an answer is rewarded, not the answer.
_REWARDED: Mapping[str, str] = {
    "reinforcement": "reinforcement records (messages with a reference_answer)",
    "scored-responses": "scored responses (a prompt with responses and their scores)",
}


def misfit(source: SourceFormat, sections: frozenset[str], turns: int, target: RecordFormat) -> Flaw | None:
    """What the target's format has no room for in any record of this format with these sections and turns."""
    if flaw := rewarded(source):
        return flaw
    only = _ONLY_TARGET.get(source)
    if only != target and (only or target in _ONLY_TARGET.values()):
        return Flaw("cannot-be-expressed", f"{source} records cannot be written as {target} records")
    if target == "prompt_completion" and turns > 2:
        return Flaw("cannot-be-expressed", f"has {turns} turns; {target} records hold one prompt and one answer")
    if target in ("prompt_completion", "anthropic") and sections - {"system"}:
        return Flaw(
            "cannot-be-expressed",
            f"has {' and '.join(sorted(sections - {'system'}))}; {target} records hold text only",
        )
    return None


def rewarded(source: SourceFormat) -> Flaw | None:
    """Why records that hold rewards are not taken by a base model that learns answers; None of other records."""
    what = _REWARDED.get(source)
    return Flaw("unsupported-format", f"is of {what}; a base model that learns answers cannot use it") if what else None


def turn_text(turn: Mapping[str, Any]) -> str:
    """The text of one turn, its blocks on lines of their own; media and reasoning are no text of it."""
    content = turn["content"]
    if len(content) == 1:
        return str(content[0].get("text", ""))
    return "\n".join(block["text"] for block in content if "text" in block)


def _conversation(record: Record) -> dict[str, Any]:
    system = {} if record.system is None else {"system": _blocks(record.system)}
    return {"schemaVersion": SCHEMA_VERSION, **system, "messages": record.messages}


def _blocks(system: str) -> list[Any]:
    """The system section; one that says nothing is an empty list."""
    return [{"text": system}] if system else []


def _prompt_completion(record: Record) -> dict[str, Any]:
    return {"prompt": folded_prompt(record), "completion": turn_text(record.messages[1])}


def folded_prompt(record: Record) -> str:
    """The one prompt of a single exchange with the system prompt in front, for formats without a place for it."""
    prompt = turn_text(record.messages[0])
    return f"{record.system}\n\n{prompt}" if record.system else prompt


def _anthropic(record: Record) -> dict[str, Any]:
    system = {"system": record.system} if record.system else {}
    return {**system, "messages": [{"role": turn["role"], "content": turn_text(turn)} for turn in record.messages]}


_WRITERS: Mapping[RecordFormat, Callable[[Record], dict[str, Any]]] = {
    "conversation": _conversation,
    "prompt_completion": _prompt_completion,
    "anthropic": _anthropic,
    "text_input": lambda record: {"input": record.texts[0]},
    "image_caption": lambda record: {"image-ref": record.image_ref, "caption": record.texts[0]},
}


def convert(record: Record, target: RecordFormat) -> bytes:
    """The record as one line of the target's format, without its newline; it must be expressible."""
    return orjson.dumps(_WRITERS[target](record))


def convert_texts(texts: Sequence[str], sections: frozenset[str], target: RecordFormat) -> bytes:
    """What `convert` makes of a conversation of plain texts, the system prompt first where there is one."""
    system, turns = (texts[0], texts[1:]) if sections else (None, texts)
    if target == "conversation":
        head = {} if system is None else {"system": _blocks(system)}
        content: list[Any] = [
            {"role": role, "content": [{"text": text}]} for role, text in zip(cycle(_ROLES), turns, strict=False)
        ]
        return orjson.dumps({"schemaVersion": SCHEMA_VERSION, **head, "messages": content})
    if target == "prompt_completion":
        prompt = f"{system}\n\n{turns[0]}" if system else turns[0]
        return orjson.dumps({"prompt": prompt, "completion": turns[1]})
    content = [{"role": role, "content": text} for role, text in zip(cycle(_ROLES), turns, strict=False)]
    return orjson.dumps({"system": system, "messages": content} if system else {"messages": content})
