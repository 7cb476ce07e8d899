"""Reading: everything that is wrong with a JSON value as a record, and the record when nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finetune.domain.findings import CODES, Flaw, json_type, quoted
from finetune.domain.records.conversations import Conversation, check_uri, is_empty
from finetune.domain.records.record import (
    SCHEMA_VERSION,
    Reading,
    Record,
    Row,
    SourceFormat,
    Unit,
    check_keys,
    conversation_format,
    detect,
    is_learned,
    of_texts,
    text_at,
)
from finetune.domain.records.shapes import shaped, stands_as_it_is
from finetune.domain.records.strict_json import Unreadable, parse

_KNOWN_KEYS: Mapping[SourceFormat, frozenset[str]] = {
    "bedrock-conversation-2024": frozenset({"schemaVersion", "system", "messages"}),
    "openai-chat": frozenset({"messages"}),
    "anthropic-messages": frozenset({"system", "messages"}),
    "messages": frozenset({"messages"}),
    "prompt-completion": frozenset({"prompt", "completion", "system"}),
    "text": frozenset({"text", "input"}),
    "image-caption": frozenset({"image-ref", "caption"}),
}


def read(value: Any) -> Reading:
    """Everything that is wrong with one JSON value as a record, and the record when nothing is."""
    reading = Reading()
    if not isinstance(value, dict):
        reading.error("not-an-object", f"is {json_type(value)}, not an object")
        return reading
    if stands_as_it_is(value):
        reading.format = "prompt-completion"
        record = _read_prompt_completion(value, reading)
        if not reading.errors:
            reading.record = record
        return reading
    if not is_learned(value):
        reading.warn("not-learned", "is left out, because its weight says that it is not to be learned")
        return reading
    if made := shaped(value):
        value, reading.said = (Row(made.value) if isinstance(value, Row) else made.value), made.said
    reading.format = detect(value)
    if reading.format is None:
        names = ", ".join(quoted(key) for key in list(value)[:8]) or "none"
        reading.error("unknown-format", f"is in no known format; its keys are {names}")
        return reading
    if known := _KNOWN_KEYS.get(reading.format):
        check_keys(value, known, "", reading)
    record = _READERS[reading.format](value, reading)
    if not reading.errors:
        reading.record = record
    return reading


def _read_prompt_completion(value: Mapping[str, Any], reading: Reading) -> Record:
    prompt, completion = text_at(value, "prompt", reading), text_at(value, "completion", reading)
    system = value.get("system")
    if is_empty(system):
        reading.warn("empty-system", "the system prompt is empty")
        system = None
    elif system is not None:
        system = text_at(value, "system", reading)
    return of_texts("prompt-completion", system, prompt, completion)


def _read_text(value: Mapping[str, Any], reading: Reading) -> Record:
    return Record("text", None, [], [text_at(value, "text" if "text" in value else "input", reading)])


def _read_image_caption(value: Mapping[str, Any], reading: Reading) -> Record:
    uri = text_at(value, "image-ref", reading)
    if uri:
        check_uri(uri, "image-ref", reading)
    return Record("image-caption", None, [], [text_at(value, "caption", reading)], image_ref=uri)


def _read_conversation(value: Mapping[str, Any], reading: Reading) -> Record:
    version = value.get("schemaVersion")
    if reading.format == "bedrock-conversation-2024" and version != SCHEMA_VERSION:
        if version is None:
            reading.warn("schema-version-added", "schemaVersion is missing")
        elif isinstance(version, str):
            reading.warn("schema-version", f"schemaVersion is not {SCHEMA_VERSION!r}")
        else:
            reading.error("wrong-type", f"schemaVersion is {json_type(version)}, not a string")
    conversation = Conversation(value, reading)
    conversation.read(value["messages"])
    return conversation.record(reading.format or "messages")


def read_unit(unit: Unit, read_value: Callable[[Any], Reading] = read) -> Reading | None:
    """Everything there is to say about one unit on its own; None when it is blank."""
    if isinstance(unit, bytes):
        if not unit.strip():
            return None
        try:
            unit = parse(unit)
        except Unreadable as error:
            unit = error.flaw
    if isinstance(unit, Flaw):
        is_error = CODES[unit.code].severity == "error"
        return Reading(errors=[unit]) if is_error else Reading(warnings=[unit])
    return read_value(unit)


def read_question(value: Mapping[str, Any], reading: Reading) -> Record:
    """The turns up to a question or its answer under the key messages, or a single question under the key prompt."""
    reading.format = conversation_format(value) if "messages" in value else "prompt-completion"
    conversation = Conversation(value, reading)
    if "messages" in value:
        conversation.read(value["messages"], last="either")
    else:
        text = text_at(value, "prompt", reading)
        conversation.messages.append({"role": "user", "content": [{"text": text}]})
        conversation.texts.append(text)
    return conversation.record(reading.format)


def _read_reinforcement(value: Mapping[str, Any], reading: Reading) -> Record:
    """Further keys are the grader's and stay unread; the answer that is rewarded is not among the turns."""
    if value["reference_answer"] is None:
        reading.error("wrong-type", "reference_answer is null")
    conversation = Conversation(value, reading)
    if "messages" in value:
        conversation.read(value["messages"], last="either")
    else:
        reading.error("missing-key", "messages is missing")
    return conversation.record("reinforcement")


def _read_scored_responses(value: Mapping[str, Any], reading: Reading) -> Record:
    prompt, responses = text_at(value, "prompt", reading), value["responses"]
    if not isinstance(responses, list) or not responses:
        reading.error("wrong-type", f"responses is {json_type(responses)}, not an array of scored responses")
        responses = []
    for index, response in enumerate(responses):
        score = response.get("score") if isinstance(response, dict) else None
        if isinstance(score, bool) or not isinstance(score, int | float):
            reading.error("wrong-type", f"responses[{index}] has no number as its score")
    return Record("scored-responses", None, [], [prompt])


_READERS: Mapping[SourceFormat, Callable[[Mapping[str, Any], Reading], Record]] = {
    "bedrock-conversation-2024": _read_conversation,
    "openai-chat": _read_conversation,
    "anthropic-messages": _read_conversation,
    "messages": _read_conversation,
    "prompt-completion": _read_prompt_completion,
    "text": _read_text,
    "image-caption": _read_image_caption,
    "reinforcement": _read_reinforcement,
    "scored-responses": _read_scored_responses,
}
