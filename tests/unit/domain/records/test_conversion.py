"""Records keep every turn and text, whatever format they come in and whatever format they go to."""

import json
from typing import Any

import pytest

from finetune.domain.records.conversion import convert, misfit
from finetune.domain.records.reading import read_unit
from finetune.domain.records.record import Record

TURNS = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]


def read(value: Any) -> Record:
    reading = read_unit(json.dumps(value).encode())
    assert reading
    assert reading.record, reading.errors
    return reading.record


def blocks(turns: list[tuple[str, str]]) -> list[Any]:
    return [{"role": role, "content": [{"text": text}]} for role, text in turns]


def strings(turns: list[tuple[str, str]]) -> list[Any]:
    return [{"role": role, "content": text} for role, text in turns]


BEDROCK = {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "s"}], "messages": blocks(TURNS)}
OPENAI = {"messages": [{"role": "system", "content": "s"}, *strings(TURNS)]}
PARTS = {"messages": [{"role": r, "content": [{"type": "text", "text": t}]} for r, t in [("system", "s"), *TURNS]]}
ANTHROPIC = {"system": "s", "messages": strings(TURNS)}


@pytest.mark.parametrize("value", [BEDROCK, OPENAI, PARTS, ANTHROPIC])
def test_one_conversation_is_the_same_in_every_format(value: Any) -> None:
    record = read(value)
    assert json.loads(convert(record, "conversation")) == BEDROCK
    assert json.loads(convert(record, "anthropic")) == ANTHROPIC
    assert record.texts == ["s", "a", "b", "c", "d"]


def test_a_single_exchange_becomes_prompt_and_completion() -> None:
    record = read({"messages": strings(TURNS[:2])})
    assert json.loads(convert(record, "prompt_completion")) == {"prompt": "a", "completion": "b"}


def test_a_prompt_becomes_a_conversation() -> None:
    converted = json.loads(convert(read({"prompt": "a", "completion": "b"}), "conversation"))
    assert converted == {"schemaVersion": "bedrock-conversation-2024", "messages": blocks(TURNS[:2])}


def test_several_text_blocks_stay_blocks_or_become_lines() -> None:
    value = {**BEDROCK, "messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}, *blocks(TURNS[1:2])]}
    assert json.loads(convert(read(value), "conversation"))["messages"] == value["messages"]
    assert json.loads(convert(read(value), "anthropic"))["messages"][0]["content"] == "a\nb"


def test_media_and_reasoning_survive() -> None:
    picture = {
        "image": {
            "format": "png",
            "source": {"s3Location": {"uri": "s3://bucket/a.png", "bucketOwner": "123456789012"}},
        }
    }
    thought = {"reasoningContent": {"reasoningText": {"text": "hm"}}}
    messages = [
        {"role": "user", "content": [picture, {"text": "a"}]},
        {"role": "assistant", "content": [thought, {"text": "b"}]},
    ]
    record = read({"schemaVersion": "bedrock-conversation-2024", "messages": messages})
    assert json.loads(convert(record, "conversation"))["messages"] == messages
    assert record.sections == {"image", "reasoning"}
    assert misfit(record.format, record.sections, 2, "anthropic")


def test_texts_and_captions_go_to_their_own_format_only() -> None:
    text, caption = read({"text": "once"}), read({"image-ref": "s3://bucket/a.png", "caption": "a cat"})
    assert json.loads(convert(text, "text_input")) == {"input": "once"}
    assert json.loads(convert(caption, "image_caption")) == {"image-ref": "s3://bucket/a.png", "caption": "a cat"}
    assert misfit(text.format, text.sections, 0, "conversation")
    assert misfit(caption.format, caption.sections, 0, "text_input")
    assert misfit("prompt-completion", frozenset(), 2, "image_caption")
