"""Shapes of other programs: the names that people give to the parts of a record, and the record that they mean.

Read in this order: Alpaca, Dolly, SQuAD and text-to-SQL sets (parts by name), preference pairs (the chosen answer),
ShareGPT, Vertex AI and Cohere (turns by other names).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from finetune.domain.findings import quoted
from finetune.domain.records.record import LEARNING

# Names of parts, spelled with underscores and in lower case. The first that is there counts; a further prompt stands
# behind it.
PROMPTS = (
    "prompt", "instruction", "question", "user", "user_prompt", "user_input", "human", "sql_prompt", "problem",
)  # fmt: skip
# What stands behind the prompt, in the order of the record; the first is the prompt where there is no other.
MATERIAL = (
    "query", "input", "context", "sql_context", "passage", "paragraph", "article", "document", "documents", "dialogue",
    "background", "text", "choices", "options",
)  # fmt: skip
ANSWERS = (
    "completion", "response", "answer", "output", "assistant", "chosen", "answers", "target", "reply", "solution",
    "summary", "highlights", "sql", "label",
)  # fmt: skip
SYSTEMS = ("system", "system_prompt", "system_message", "system_instruction")
# Content that no record of texts has a place for.
MEDIA = frozenset({"image", "images", "image_url", "image_path", "audio", "video", "videos"})
_PREFERENCE = ("preferred_output", "non_preferred_output")
_REJECTED = frozenset({"rejected"})
_TURN_LISTS = ("conversations", "conversation", "contents", "chat_history", "turns")
# Keys of a record that hold lists of objects, so that an object with one of them is a record and not a file of records.
KEYS_OF_LISTS = frozenset(
    {"messages", "system", "responses", "tools", "functions", "mapping", *_TURN_LISTS, *MATERIAL, *ANSWERS}
)
_ROLES = {
    "human": "user", "user": "user", "prompter": "user",
    "gpt": "assistant", "assistant": "assistant", "model": "assistant", "chatbot": "assistant", "bot": "assistant",
    "ai": "assistant", "system": "system",
}  # fmt: skip
_ROLE_KEYS, _TEXT_KEYS = ("role", "from"), ("content", "value", "message", "text")
# Formats that are read as they stand.
_OWN = frozenset({"reference_answer", "responses", "image-ref", "caption", "mapping"})
_CANONICAL = frozenset({"prompt", "completion", "system"})
_PARTS = frozenset((*MATERIAL, *SYSTEMS, *ANSWERS))
# No shape has more.
_MOST_KEYS = 100
_AS_TEXT = "answers that are no text are written as text"
_NAME = re.compile(r"[\s-]+")


class Shaped(NamedTuple):
    """A record under the names of a known format, and a sentence on how it was read."""

    value: dict[str, Any]
    said: str


def name_of(key: str) -> str:
    """A key or a column as the tables of names spell it.

    >>> name_of(" System Prompt")
    'system_prompt'
    """
    return _NAME.sub("_", key.strip().lower())


def has_parts(keys: Mapping[str, Any] | list[str]) -> bool:
    """Whether some columns name a prompt and an answer."""
    names = {name_of(key) for key in keys}
    return not names.isdisjoint(ANSWERS) and not names.isdisjoint((*PROMPTS, *MATERIAL))


def is_read(column: str, columns: list[str]) -> bool:
    """Whether a column of a table is read into a record, or says whether the row is learned."""
    name, names = name_of(column), {name_of(each) for each in columns}
    if column in {"image-ref", "caption"} or name in LEARNING or not has_parts(columns):
        return name in {"text", "image_ref", "caption"} or name in LEARNING
    of_one = next((group for group in (ANSWERS, SYSTEMS) if name in group), None)
    return (
        name in PROMPTS or name in MATERIAL or bool(of_one and next(each for each in of_one if each in names) == name)
    )


def stands_as_it_is(value: Mapping[str, Any]) -> bool:
    """Whether an object is a prompt with its completion and nothing else, as most are."""
    return "prompt" in value and _CANONICAL.issuperset(value) and type(value.get("completion")) is str


def shaped(value: Mapping[str, Any]) -> Shaped | None:
    """The record that an object of another program means; None where it is read as it stands."""
    if len(value) > _MOST_KEYS or stands_as_it_is(value) or not _OWN.isdisjoint(value):
        return None
    return _preferred(value) or _turns(value) or (None if "messages" in value else _parts(value))


def _preferred(value: Mapping[str, Any]) -> Shaped | None:
    """OpenAI's preference pairs: the turns of the input with the answer that was preferred."""
    asked, answer = value.get("input"), value.get("preferred_output")
    turns = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(turns, list) or not isinstance(answer, list):
        return None
    rest = {key: each for key, each in value.items() if key not in ("input", *_PREFERENCE)}
    return Shaped({"messages": [*turns, *answer], **rest}, "the preferred answers are learned; the others are left out")


class _Names(NamedTuple):
    """The keys of an object by the names of the tables: all of them, and those under which there is anything."""

    named: dict[str, str]
    there: dict[str, str]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> _Names:
        keys = list(value)[::-1]
        filled = (key for key in keys if value[key] not in (None, "", [], {}))
        return cls({name_of(key): key for key in keys}, {name_of(key): key for key in filled})

    def first(self, names: tuple[str, ...]) -> str | None:
        """The key of the first name that says something, else of the first that is there."""
        return _first(names, self.there) or _first(names, self.named)


def _parts(value: Mapping[str, Any]) -> Shaped | None:
    """Prompt and answer by their names, with what belongs to the prompt behind it."""
    keys = _Names.of(value)
    answer = keys.first(ANSWERS)
    prompt = keys.first(PROMPTS) or _first(MATERIAL, keys.there)
    if answer is None or prompt is None:
        return None
    system = _first(SYSTEMS, keys.there)
    beside = {keys.there[name] for name in (*PROMPTS, *MATERIAL) if name in keys.there} - {prompt}
    behind = [key for key in value if key in beside]
    read = {
        "prompt": _joined(value[prompt], [value[key] for key in behind]),
        "completion": _answer(value[answer]),
        **({"system": value[system]} if system else {}),
    }
    rest = _rest(value, keys, {prompt, answer, *beside, *([system] if system else [])}, answer)
    return Shaped({**read, **rest}, _told(prompt, answer, behind, as_text=read["completion"] != value[answer]))


def _joined(prompt: Any, behind: list[Any]) -> Any:
    """A prompt with what belongs to it; one that is no text stays what it is, and is refused as such."""
    return "\n\n".join((prompt, *map(_text, behind))) if isinstance(prompt, str) else prompt


def _rest(value: Mapping[str, Any], keys: _Names, used: set[str], answer: str) -> dict[str, Any]:
    """What nobody has read, without parts that are empty, and without the answers that lost."""
    empty = {key for name, key in keys.named.items() if name not in keys.there and name in _PARTS}
    lost = {key for key in value if name_of(key) in _REJECTED} if name_of(answer) == "chosen" else set()
    return {key: each for key, each in value.items() if key not in used | empty | lost | _CANONICAL}


def _told(prompt: str, answer: str, behind: list[str], *, as_text: bool) -> str:
    """How the names were read; nothing of those that are read as they stand."""
    told = f"{quoted(prompt)} is read as the prompt and {quoted(answer)} as the answer"
    if behind:
        told += f", with {' and '.join(map(quoted, behind))} behind the prompt"
    elif (prompt, answer) == ("prompt", "completion"):
        told = ""
    if name_of(answer) == "chosen":
        told += "; the rejected answers are left out"
    return "; ".join(filter(None, (told, _AS_TEXT if as_text else "")))


def _first(names: tuple[str, ...], there: Mapping[str, str]) -> str | None:
    return next((there[name] for name in names if name in there), None)


def _text(value: Any) -> str:
    """Material as text: lines of a list, JSON of anything else that is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return orjson.dumps(value).decode()


def _answer(value: Any) -> Any:
    """An answer as text: what holds texts of its own by them, a number or an object as JSON writes it."""
    if isinstance(value, dict) and isinstance(texts := value.get("text"), list) and texts:
        value = texts[0]
    if isinstance(value, list) and value and isinstance(value[-1], dict) and isinstance(value[-1].get("content"), str):
        value = value[-1]["content"]
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _turns(value: Mapping[str, Any]) -> Shaped | None:
    """A conversation whose turns, roles or texts have other names."""
    key = next((name for name in _TURN_LISTS if isinstance(value.get(name), list)), None)
    if key is None or "messages" in value:
        return None
    turns = [_turn(each) for each in value[key]]
    last = value.get("message")
    used = {key}
    if key == "chat_history" and isinstance(last, str):
        turns, used = [*turns, {"role": "user", "content": last}], {key, "message"}
    system = next((name for name in ("systemInstruction", *SYSTEMS) if value.get(name)), None)
    if system is not None:
        turns = [{"role": "system", "content": _said(value[system])}, *turns]
        used.add(system)
    rest = {name: each for name, each in value.items() if name not in used}
    return Shaped({"messages": turns, **rest}, f"the turns under {quoted(key)} are read as messages")


def _turn(turn: Any) -> Any:
    if not isinstance(turn, dict):
        return turn
    role = next((turn[key] for key in _ROLE_KEYS if key in turn), None)
    if not isinstance(role, str):
        return turn
    known = {"role": _ROLES.get(role.lower(), role), "content": _said(turn)}
    rest = {key: each for key, each in turn.items() if key not in (*_ROLE_KEYS, *_TEXT_KEYS, "parts")}
    return {**known, **rest}


def _said(holder: Any) -> Any:
    """The text of a turn: under one of its names, or of its parts."""
    if not isinstance(holder, dict):
        return holder
    parts = holder.get("parts")
    if isinstance(parts, list) and all(isinstance(part, dict) and part.keys() == {"text"} for part in parts):
        return "\n".join(str(part["text"]) for part in parts)
    return next((holder[key] for key in _TEXT_KEYS if key in holder), parts)
