"""Conversations: every turn and every block of one record read, in the dialects of Bedrock, OpenAI and Anthropic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finetune.domain.findings import json_type, quoted
from finetune.domain.records.record import (
    LEARNING,
    MAX_TURNS,
    Reading,
    Record,
    SourceFormat,
    check_keys,
    is_learned,
    text_at,
)

_S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\w./-]+", re.ASCII)
_TOOL_BLOCKS = frozenset({"toolUse", "toolResult", "tool_use", "tool_result"})
_TYPED, _UNTYPED = frozenset({"type", "text"}), frozenset({"text"})
_MEDIA_TYPES = frozenset({"image", "image_url", "input_image", "input_audio", "audio", "file", "document", "video"})
_KINDS = _UNTYPED | _MEDIA_TYPES | {"reasoningContent"}


class Conversation:
    """Reads the turns of one record; where a turn is wrong the others are still looked at."""

    def __init__(self, value: Mapping[str, Any], reading: Reading) -> None:
        self.reading = reading
        self.bedrock = reading.format == "bedrock-conversation-2024"
        self.system: str | None = None
        self.messages: list[Any] = []
        self.texts: list[str] = []
        self.media: dict[str, int] = {"image": 0, "video": 0}
        self.reasoning = False
        self._last_role: str | None = None
        self._roles_known = True
        if value.get("system") is not None:
            self._read_system(value["system"])

    def record(self, source: SourceFormat) -> Record:
        sections = {name for name, n in self.media.items() if n}
        if self.system is not None:
            sections.add("system")
        if self.reasoning:
            sections.add("reasoning")
        return Record(source, self.system, self.messages, self.texts, frozenset(sections))

    def read(self, turns: Any, last: str = "assistant") -> None:
        if not isinstance(turns, list):
            self.reading.error("wrong-type", f"messages is {json_type(turns)}, not an array")
            return
        if len(turns) > MAX_TURNS:
            self.reading.error("too-many-turns", f"messages holds {len(turns):,} turns; the most is {MAX_TURNS:,}")
            return
        if last == "assistant":
            turns = self._learned(turns)
        for index, turn in enumerate(turns):
            where = f"messages[{index}]"
            if isinstance(turn, dict):
                self._read_turn(turn, index, where)
            else:
                self.reading.error("wrong-type", f"{where} is {json_type(turn)}, not an object")
                self._roles_known = False
        if self._roles_known and not self._last_role:
            self.reading.error("no-turns", "messages holds no turns of user and assistant")
        elif self._roles_known and self._last_role != "assistant" and last == "assistant":
            self.reading.error(
                "missing-assistant-turn", "messages ends with a user turn; the assistant's answer must come last"
            )
        if self.media["image"] and self.media["video"]:
            self.reading.error("mixed-media", "holds images and a video")

    def _read_system(self, system: Any) -> None:
        """A string, or an array of text blocks; Bedrock's own format takes only the array."""
        blocks = [{"text": system}] if isinstance(system, str) and not self.bedrock else system
        if not isinstance(blocks, list):
            self.reading.error(
                "wrong-type",
                f"system is {json_type(system)}, not {'an array of text blocks' if self.bedrock else 'a string'}",
            )
            return
        if self.bedrock and not blocks:
            # A section that is there and says nothing, as in AWS's own samples; records must be alike in having it.
            self.system = ""
            self.texts.append("")
            return
        if is_empty(system) or (blocks and all(is_empty(block) for block in blocks)):
            self.reading.warn("empty-system", "the system prompt is empty")
            return
        texts = []
        for index, block in enumerate(blocks):
            where = "system." if blocks is not system else f"system[{index}]."
            allowed = {"text"} if self.bedrock or blocks is not system else {"type", "text"}
            if not isinstance(block, dict) or block.keys() != allowed:
                self.reading.error("wrong-type", f"{where[:-1]} is not a text block")
            else:
                texts.append(text_at(block, "text", self.reading, where))
        if texts:
            self.system = "\n".join(texts)
            self.texts.append(self.system)

    def _learned(self, turns: list[Any]) -> list[Any]:
        """The turns up to the last answer that is to be learned; before it, every answer has to be."""
        answers = {
            index: is_learned(turn)
            for index, turn in enumerate(turns)
            if isinstance(turn, dict) and turn.get("role") == "assistant"
        }
        if all(answers.values()):
            return turns
        end = max((index for index, learned in answers.items() if learned), default=-1) + 1
        if not end:
            self.reading.error("turn-not-learned", "no answer of the record is to be learned")
        elif unlearned := [index for index, learned in answers.items() if not learned and index < end]:
            where = f"messages[{unlearned[0]}]"
            message = f"{where} is not to be learned, but stands before an answer that is"
            self.reading.error("turn-not-learned", message)
        else:
            self.reading.warn("not-learned", f"the turns from messages[{end}] on are left out, not to be learned")
        return turns[:end] or turns

    def _read_turn(self, turn: Mapping[str, Any], index: int, where: str) -> None:
        role = turn.get("role")
        errors_before = len(self.reading.errors)
        check_keys(turn, frozenset({"role", "content", *LEARNING}), f"{where}.", self.reading)
        if role in ("system", "developer"):
            self._read_system_turn(turn, index, where)
            return
        if role in ("tool", "function"):
            self.reading.error("tools-not-supported", f"{where}.role is {role!r}; tool turns cannot be expressed")
            self._roles_known, self._last_role = False, None
            return
        self._check_role(turn, role, where)
        if len(self.reading.errors) == errors_before or ("content" in turn and turn["content"] is not None):
            self.messages.append({"role": role, "content": self._read_content(turn, role, where)})

    def _read_system_turn(self, turn: Mapping[str, Any], index: int, where: str) -> None:
        if self.bedrock or self.reading.format == "anthropic-messages":
            self.reading.error(
                "misplaced-system", f"{where}.role is {turn['role']!r}; this format has a top-level system instead"
            )
            self._roles_known = False
        elif index:
            self.reading.error(
                "misplaced-system", f"{where}.role is {turn['role']!r}; a system turn can only come first"
            )
        else:
            if is_empty(turn.get("content")):
                self.reading.warn("empty-system", "the system prompt is empty")
                return
            content = self._read_content(turn, "system", where)
            self.system = "\n".join(block["text"] for block in content)
            self.texts[:] = [self.system]

    def _check_role(self, turn: Mapping[str, Any], role: Any, where: str) -> None:
        if role in ("user", "assistant"):
            if self._last_role is None and role != "user" and self._roles_known:
                self.reading.error(
                    "first-turn-not-user", f"{where}.role is {role!r}; the first turn must be the user's"
                )
            elif role == self._last_role:
                self.reading.error(
                    "roles-not-alternating",
                    f"{where}.role is {role!r} after {role!r}; turns must alternate, user first",
                )
            self._last_role = role
            return
        self._roles_known = False
        if "role" not in turn:
            self.reading.error("missing-key", f"{where}.role is missing")
        elif not isinstance(role, str):
            self.reading.error("wrong-type", f"{where}.role is {json_type(role)}, not a string")
        else:
            self.reading.error("unknown-role", f"{where}.role is {quoted(role)}, not 'user' or 'assistant'")

    def _read_content(self, turn: Mapping[str, Any], role: Any, where: str) -> list[dict[str, Any]]:
        content, where = turn.get("content"), f"{where}.content"
        if isinstance(content, str) and not self.bedrock:
            text = text_at(turn, "content", self.reading, where.removesuffix("content"))
            self.texts.append(text)
            return [{"text": text}]
        if not isinstance(content, list):
            wanted = "an array of blocks" if self.bedrock else "a string or an array of blocks"
            if "content" not in turn:
                self.reading.error("missing-key", f"{where} is missing")
            else:
                self.reading.error("wrong-type", f"{where} is {json_type(content)}, not {wanted}")
            return []
        filled = [(index, block) for index, block in enumerate(content) if not is_empty(block)]
        if 0 < len(filled) < len(content):
            self.reading.warn("empty-block", f"{where} holds an empty text beside others")
        else:
            filled = list(enumerate(content))
        blocks = [self._read_block(block, role, f"{where}[{index}]") for index, block in filled]
        if not content or (role == "assistant" and all(block and "text" not in block for block in blocks)):
            self.reading.error("empty-text", f"{where} holds no text")
        return [block for block in blocks if block]

    def _read_block(self, block: Any, role: Any, where: str) -> dict[str, Any]:
        """The block as bedrock-conversation-2024 has it; empty after noting why it cannot be taken."""
        if not isinstance(block, dict):
            self.reading.error("wrong-type", f"{where} is {json_type(block)}, not an object")
            return {}
        # Programs that write every key of a block they know leave null where it has none.
        block = {key: value for key, value in block.items() if value is not None} or block
        typed = block.get("type") if "type" in block and not self.bedrock else None
        names = {typed} if isinstance(typed, str) else block.keys()
        if names & _TOOL_BLOCKS:
            self.reading.error("tools-not-supported", f"{where} is a tool block, which cannot be expressed")
        elif (
            typed in ("text", "input_text", "output_text")
            if isinstance(typed, str)
            else self.bedrock and names & _KINDS == {"text"}
        ):
            text = text_at(block, "text", self.reading, f"{where}.")
            self.texts.append(text)
            check_keys(block, _TYPED if isinstance(typed, str) else _UNTYPED, f"{where}.", self.reading)
            return {"text": text}
        elif isinstance(typed, str) and typed in _MEDIA_TYPES:
            self.reading.error(
                "media-inline", f"{where} holds media of type {quoted(typed)}; only s3:// references can be trained on"
            )
        elif self.bedrock and names in ({"image"}, {"video"}):
            return self._read_media(block, role, where)
        elif self.bedrock and names == {"reasoningContent"}:
            return self._read_reasoning(block, role, where)
        else:
            found = ", ".join(quoted(name) for name in sorted(map(str, names))[:5]) or "nothing"
            self.reading.error("unknown-content", f"{where} holds {found}, which is not one block of a known kind")
        return {}

    def _read_media(self, block: Mapping[str, Any], role: Any, where: str) -> dict[str, Any]:
        name = "image" if "image" in block else "video"
        self.media[name] += 1
        if role != "user":
            self.reading.error("media-in-answer", f"{where} holds media in a turn of {quoted(role)}")
        media = block[name]
        source = media.get("source") if isinstance(media, dict) else None
        location = source.get("s3Location") if isinstance(source, dict) else None
        if isinstance(source, dict) and "bytes" in source:
            self.reading.error("media-inline", f"{where}.{name}.source holds the bytes themselves")
        elif not isinstance(media, dict) or not isinstance(location, dict):
            self.reading.error("media-reference", f"{where}.{name} has no source.s3Location object")
        else:
            uri = text_at(location, "uri", self.reading, f"{where}.{name}.source.s3Location.")
            if uri:
                check_uri(uri, f"{where}.{name}.source.s3Location.uri", self.reading)
            check_keys(location, frozenset({"uri", "bucketOwner"}), f"{where}.{name}.source.s3Location.", self.reading)
            owner = location.get("bucketOwner")
            if owner is not None and not (isinstance(owner, str) and len(owner) == 12 and owner.isdecimal()):
                self.reading.error(
                    "media-reference", f"{where}.{name}.source.s3Location.bucketOwner is not a string of 12 digits"
                )
            form = text_at(media, "format", self.reading, f"{where}.{name}.")
            return {
                name: {
                    "format": form.lower(),
                    "source": {
                        "s3Location": {
                            k: v for k, v in location.items() if v is not None and k in ("uri", "bucketOwner")
                        }
                    },
                }
            }
        return {}

    def _read_reasoning(self, block: Mapping[str, Any], role: Any, where: str) -> dict[str, Any]:
        self.reasoning = True
        inner = block["reasoningContent"]
        reasoning = inner.get("reasoningText") if isinstance(inner, dict) else None
        if role != "assistant":
            self.reading.error("unknown-content", f"{where} holds reasoning in a turn of {quoted(role)}")
        elif not isinstance(reasoning, dict):
            self.reading.error("wrong-type", f"{where}.reasoningContent has no reasoningText object")
        else:
            text = text_at(reasoning, "text", self.reading, f"{where}.reasoningContent.reasoningText.")
            self.texts.append(text)
            return {"reasoningContent": {"reasoningText": {"text": text}}}
        return {}


def is_empty(value: Any) -> bool:
    """Whether a text, or a block that holds one, is there and says nothing."""
    if isinstance(value, dict) and value.keys() <= _TYPED:
        value = value.get("text")
    return isinstance(value, str) and not value.strip()


def check_uri(uri: str, where: str, reading: Reading) -> None:
    if not _S3_URI.fullmatch(uri):
        reading.error(
            "media-reference", f"{where} is not an s3:// URI of letters, digits, underscore, hyphen, slash and dot"
        )
