"""A record written in the format of a base model, or the reason why the format has no room for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from finetune.domain.catalog import RecordFormat
from finetune.domain.findings import Flaw
from finetune.domain.records import SCHEMA_VERSION, Record

# Source formats that hold no conversation can be written in one way only.
_ONLY_TARGET: Mapping[str, RecordFormat] = {"text": "text_input", "image-caption": "image_caption"}


def inexpressible(record: Record, target: RecordFormat) -> Flaw | None:
    """What the target's format has no room for; None when nothing of the record would be lost."""
    only = _ONLY_TARGET.get(record.format)
    if only != target and (only or target in _ONLY_TARGET.values()):
        return Flaw("cannot-be-expressed", f"{record.format} records cannot be written as {target} records")
    if target == "prompt_completion" and len(record.messages) > 2:
        return Flaw(
            "cannot-be-expressed", f"has {len(record.messages)} turns; {target} records hold one prompt and one answer"
        )
    if target in ("prompt_completion", "anthropic") and record.sections - {"system"}:
        return Flaw(
            "cannot-be-expressed",
            f"has {' and '.join(sorted(record.sections - {'system'}))}; {target} records hold text only",
        )
    return None


def turn_text(turn: Mapping[str, Any]) -> str:
    """The text of one turn, its blocks on lines of their own; media and reasoning are no text of it."""
    content = turn["content"]
    if len(content) == 1:
        return str(content[0].get("text", ""))
    return "\n".join(block["text"] for block in content if "text" in block)


def _conversation(record: Record) -> dict[str, Any]:
    system = {} if record.system is None else {"system": [{"text": record.system}]}
    return {"schemaVersion": SCHEMA_VERSION, **system, "messages": record.messages}


def _prompt_completion(record: Record) -> dict[str, Any]:
    return {"prompt": folded_prompt(record), "completion": turn_text(record.messages[1])}


def folded_prompt(record: Record) -> str:
    """The one prompt of a single exchange with the system prompt in front, for formats without a place for it."""
    prompt = turn_text(record.messages[0])
    return prompt if record.system is None else f"{record.system}\n\n{prompt}"


def _anthropic(record: Record) -> dict[str, Any]:
    system = {} if record.system is None else {"system": record.system}
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
