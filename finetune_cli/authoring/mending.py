"""Corrects mistakes in conversations, without removing, reordering or inventing any words."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from finetune.domain.findings import Flaw
from finetune.domain.records.record import SCHEMA_VERSION, conversation_format

# Under which key programs write the text of a scored response.
_RESPONSES = ("text", "response", "completion", "content")


def mend(value: Any) -> tuple[Any, list[Flaw]]:
    """A corrected copy of the value, and a list of the corrections."""
    changes: list[Flaw] = []
    if isinstance(value, dict) and isinstance(value.get("mapping"), dict):
        value = {"messages": _exported(value["mapping"], value.get("current_node"))}
        changes.append(Flaw("unknown-format", "the turns of ChatGPT's export are now messages"))
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        return value, changes
    better = dict(value)
    turns = [dict(turn) if isinstance(turn, dict) else turn for turn in value["messages"]]
    if "schemaVersion" in value:
        _mend_bedrock(better, turns, changes)
    better["messages"] = _joined(turns, changes)
    return better, changes


def _exported(nodes: dict[str, Any], last: Any) -> list[Any]:
    """The turns of a conversation as ChatGPT exports it, a tree of which the last turn in use is named."""
    turns: list[Any] = []
    seen = set()
    while isinstance(last, str) and last not in seen and isinstance(nodes.get(last), dict):
        seen.add(last)
        turn = _exported_turn(nodes[last].get("message"))
        turns = [turn, *turns] if turn else turns
        last = nodes[last].get("parent")
    return turns


def _exported_turn(message: Any) -> dict[str, Any] | None:
    """A turn; None for the empty system turns that such exports begin with."""
    if not isinstance(message, dict):
        return None
    author, content = message.get("author"), message.get("content")
    role = author.get("role") if isinstance(author, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return {"role": role, "content": [{"type": "more than text"}]}
    text = "\n".join(parts)
    return {"role": role, "content": text} if text.strip() or role != "system" else None


def _mend_bedrock(value: dict[str, Any], turns: list[Any], changes: list[Flaw]) -> None:
    if value["schemaVersion"] != SCHEMA_VERSION:
        value["schemaVersion"] = SCHEMA_VERSION
        changes.append(Flaw("schema-version", f"schemaVersion is now {SCHEMA_VERSION!r}"))
    for holder, key in ((value, "system"), *((turn, "content") for turn in turns if isinstance(turn, dict))):
        if isinstance(holder.get(key), str):
            holder[key] = [{"text": holder[key]}]
            changes.append(Flaw("wrong-type", f"a {key} that was a string is now an array of one text block"))


def _joined(turns: list[Any], changes: list[Flaw]) -> list[Any]:
    """Neighbouring turns of one role as one turn."""
    joined: list[Any] = []
    for role, same in groupby(turns, key=lambda turn: turn.get("role") if isinstance(turn, dict) else None):
        own = list(same)
        one = _one_turn(own) if role in ("user", "assistant") and len(own) > 1 else None
        if one:
            changes.append(Flaw("roles-not-alternating", f"{len(own)} neighbouring turns of {role!r} are now one"))
        joined += [one] if one else own
    return joined


def _one_turn(turns: list[dict[str, Any]]) -> dict[str, Any] | None:
    contents = [turn.get("content") for turn in turns]
    texts = [content for content in contents if isinstance(content, str)]
    blocks = [content for content in contents if isinstance(content, list)]
    if len(texts) == len(contents):
        return {**turns[0], "content": "\n\n".join(texts)}
    if len(blocks) == len(contents):
        return {**turns[0], "content": [block for content in blocks for block in content]}
    return None


def answered(value: Any) -> tuple[Any, list[Flaw]]:
    """What `mend` returns; a record of a reward is first changed to one with an answer to learn."""
    made = _by_reference(value) or _by_score(value) if isinstance(value, dict) else None
    better, changes = mend(made[0] if made else value)
    return better, [made[1], *changes] if made else changes


def _by_reference(value: dict[str, Any]) -> tuple[dict[str, Any], Flaw] | None:
    """Turns that end with a question, answered by the reference answer when that is a text."""
    turns, answer = value.get("messages"), value.get("reference_answer")
    if not (isinstance(turns, list) and turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "user"):
        return None
    if not isinstance(answer, str):
        return None
    blocks = conversation_format(value) == "bedrock-conversation-2024"
    turn = {"role": "assistant", "content": [{"text": answer}] if blocks else answer}
    better = {key: value[key] for key in ("schemaVersion", "system") if key in value} | {"messages": [*turns, turn]}
    return better, Flaw("unsupported-format", "the reference answer is now the assistant's answer")


def _by_score(value: dict[str, Any]) -> tuple[dict[str, Any], Flaw] | None:
    """The prompt with the response of the highest score, the first of several."""
    responses = value.get("responses")
    if "completion" in value or not isinstance(responses, list):
        return None
    scored = [each for each in responses if isinstance(each, dict) and type(each.get("score")) in (int, float)]
    best = max(scored, key=lambda each: each["score"], default={})
    text = next((best[key] for key in _RESPONSES if isinstance(best.get(key), str)), None)
    if text is None or len(scored) < len(responses):
        return None
    better = {key: value[key] for key in ("prompt", "system") if key in value} | {"completion": text}
    return better, Flaw("unsupported-format", f"the best of {len(scored)} responses is now the completion")
