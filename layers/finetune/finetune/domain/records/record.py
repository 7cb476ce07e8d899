"""Records, which are the same for every input format, and how the keys of an object show its format.

The turns of a conversation are kept as bedrock-conversation-2024, because only this format can hold the content of all
others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from finetune.domain.findings import Flaw, json_type, quoted

SourceFormat = Literal[
    "bedrock-conversation-2024",
    "openai-chat",
    "anthropic-messages",
    "messages",
    "prompt-completion",
    "text",
    "image-caption",
    "reinforcement",
    "scored-responses",
]
# "messages" is a conversation that reads the same as OpenAI's and as Anthropic's.
# More turns could not be within any bound on tokens, and reading them would take long.
MAX_TURNS = 5_000
SCHEMA_VERSION = "bedrock-conversation-2024"

NOTHING: frozenset[str] = frozenset()
SYSTEM = frozenset({"system"})


# What a source yields: bytes to parse, a row of a table, or why neither can be had.
Unit = bytes | dict[str, Any] | Flaw


class Disposition(IntEnum):
    """What becomes of one unit."""

    BLANK = 0
    REJECTED = 1
    DUPLICATE = 2
    IN_EVALUATION = 3
    IN_VALIDATION = 4
    TRAINING = 5
    VALIDATION = 6
    EVALUATION = 7
    NO_UNIT = 8


@dataclass(slots=True)
class Record:
    """One training record; `texts` is every text in it in order, `sections` the optional parts it has.

    `messages` are bedrock-conversation-2024 turns without the system prompt. Plain texts and captions have no messages.
    """

    format: SourceFormat
    system: str | None
    messages: list[Any]
    texts: list[str]
    sections: frozenset[str] = NOTHING
    image_ref: str | None = None


@dataclass(slots=True)
class Reading:
    """What `read` made of one object: a record unless one of the flaws is an error.

    `left_out` is what it holds under keys that nobody reads; `said` tells how another program's names were read.
    """

    format: SourceFormat | None = None
    record: Record | None = None
    errors: list[Flaw] = field(default_factory=list)
    warnings: list[Flaw] = field(default_factory=list)
    left_out: dict[str, Any] = field(default_factory=dict)
    said: str = ""

    def error(self, code: str, message: str) -> None:
        self.errors.append(Flaw(code, message))

    def warn(self, code: str, message: str) -> None:
        self.warnings.append(Flaw(code, message))


_OPENAI_ROLES = frozenset({"system", "developer", "tool", "function"})
_TOOL_KEYS = frozenset(
    {
        "tools",
        "tool_choice",
        "tool_calls",
        "tool_call_id",
        "functions",
        "function_call",
        "parallel_tool_calls",
        "toolConfig",
    }
)


# Under which keys programs say whether something is learned.
LEARNING = frozenset({"weight", "train", "loss"})


class Row(dict[str, Any]):
    """A row of a table by the names of its columns."""


def is_learned(value: Mapping[str, Any]) -> bool:
    """Whether a record or turn is to be learned, by the weight that its author gave it."""
    weight = value.get("weight")
    weightless = isinstance(weight, int | float) and weight == 0
    return not (weightless or value.get("train") is False or value.get("loss") is False)


def detect(value: Mapping[str, Any]) -> SourceFormat | None:
    """The format that an object's keys speak for; None when no known format has them."""
    if "reference_answer" in value or ("responses" in value and "completion" not in value):
        return "reinforcement" if "reference_answer" in value else "scored-responses"
    if "messages" in value:
        return conversation_format(value)
    if "prompt" in value or "completion" in value:
        return "prompt-completion"
    if "image-ref" in value or "caption" in value:
        return "image-caption"
    if ("text" in value) != ("input" in value) and "output" not in value:
        return "text"
    return None


def conversation_format(value: Mapping[str, Any]) -> SourceFormat:
    turns = value["messages"]
    if "schemaVersion" in value or _has_bedrock_blocks(value.get("system")):
        return "bedrock-conversation-2024"
    if "system" in value:
        return "anthropic-messages"
    for turn in turns[:MAX_TURNS] if isinstance(turns, list) else ():
        if isinstance(turn, dict):
            role = turn.get("role")
            if isinstance(role, str) and role in _OPENAI_ROLES:
                return "openai-chat"
            if _has_bedrock_blocks(turn.get("content")):
                return "bedrock-conversation-2024"
    return "messages"


def _has_bedrock_blocks(content: Any) -> bool:
    blocks = content[:MAX_TURNS] if isinstance(content, list) else ()
    return any(isinstance(block, dict) and "type" not in block for block in blocks)


def check_keys(value: Mapping[str, Any], known: frozenset[str], where: str, reading: Reading) -> None:
    for key in value.keys() - known:
        if key in _TOOL_KEYS:
            if value[key]:
                reading.error("tools-not-supported", f"{where}{key} holds tools, which cannot be expressed")
        elif key in LEARNING and (not value[key] or value[key] == 1):
            continue
        else:
            if not where:
                reading.left_out[key] = value[key]
            if isinstance(value, Row):
                continue  # said once, of the header
            reading.warn(
                "ignored-key", f"the key {quoted(key)}{' in ' + where[:-1] if where else ''} is not part of the format"
            )


def text_at(value: Mapping[str, Any], key: str, reading: Reading, where: str = "") -> str:
    """The text under a key; an empty string after noting why there is none."""
    text = value.get(key)
    if key not in value:
        reading.error("missing-key", f"{where}{key} is missing")
    elif not isinstance(text, str):
        reading.error("wrong-type", f"{where}{key} is {json_type(text)}, not a string")
    elif not text or text.isspace():
        reading.error("empty-text", f"{where}{key} is empty")
    else:
        return text
    return ""


def of_texts(source: SourceFormat, system: str | None, prompt: str, completion: str) -> Record:
    messages = [
        {"role": "user", "content": [{"text": prompt}]},
        {"role": "assistant", "content": [{"text": completion}]},
    ]
    if system is None:
        return Record(source, None, messages, [prompt, completion])
    return Record(source, system, messages, [system, prompt, completion], SYSTEM)
