"""Records keep every turn and text, whatever format they come in and whatever format they go to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.records.conversion import convert, misfit
from finetune.domain.records.record import Record
from finetune.domain.records.shortcut import quick
from finetune.domain.validation.check import read_unit

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


TEXT = st.text(max_size=6) | st.sampled_from(['"', "\\", '\\"', " ", "\u2028", "a\\", "{", "é"])
ROLE = st.sampled_from(["user", "assistant", "user", "assistant", "system"])
TURN = st.builds(
    lambda role, text, block: {"role": role, "content": [{"text": text}] if block else text}, ROLE, TEXT, st.booleans()
)
LINE_LIKE = st.one_of(
    st.fixed_dictionaries({"prompt": TEXT, "completion": TEXT}, optional={"system": TEXT, "id": TEXT}),
    st.fixed_dictionaries(
        {"messages": st.lists(TURN, max_size=5)},
        optional={
            "schemaVersion": st.sampled_from(["bedrock-conversation-2024", "1"]),
            "system": TEXT | st.lists(st.builds(lambda text: {"text": text}, TEXT), max_size=2),
        },
    ),
    st.builds(lambda turns: {"messages": strings([("user", "a"), ("assistant", "b")] * turns)}, st.integers(1, 3)),
    st.builds(
        lambda turns: {**BEDROCK, "messages": blocks([("user", "a"), ("assistant", "b")] * turns)}, st.integers(1, 3)
    ),
)
SPACING = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")])


@given(
    LINE_LIKE,
    SPACING,
    st.booleans(),
    st.none()
    | st.tuples(st.integers(0, 200), st.sampled_from([b'"', b",", b"\\", b'"prompt":"x",', b'"role":"user",'])),
)
def test_the_shortcut_says_yes_only_where_the_long_way_finds_nothing_and_reads_the_same(
    value: Any, separators: tuple[str, str], ascii_only: bool, insertion: tuple[int, bytes] | None
) -> None:
    line = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    if insertion:
        line = line[: insertion[0]] + insertion[1] + line[insertion[0] :]
    shortcut = quick(line)
    if shortcut is not None:
        reading = read_unit(line)
        assert reading
        assert (reading.record, reading.errors, reading.warnings) == (shortcut, [], [])


@pytest.mark.parametrize(
    "value", [BEDROCK, OPENAI, ANTHROPIC, {"messages": strings(TURNS)}, {"prompt": "a", "completion": "b"}]
)
def test_the_shortcut_is_taken_for_plain_records(value: Any) -> None:
    assert quick(json.dumps(value).encode()) == read(value)


def test_the_shortcut_is_not_taken_where_a_key_is_there_twice() -> None:
    assert quick(b'{"prompt":"a","prompt" :"b","completion":"c"}') is None
    assert quick(rb'{"prompt":"\\","completion":"\\\\","completion":"\""}') is None
    assert quick(rb'{"prompt":"\\","completion":"\\\\\""}') is not None
