"""Conversations in the dialects of Bedrock, OpenAI and Anthropic, each with what must be found."""

import pytest

from finetune.domain.records.record import MAX_TURNS
from tests.checking import ASK, NOVA_2_LITE, REASONED, SAY, bedrock, chat, check, found, line, rows

CONVERSATIONS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "messages is null": (line({"messages": None}), {"wrong-type": [1]}),
    "messages is an object": (line({"messages": {}}), {"wrong-type": [1]}),
    "messages is empty": (line({"messages": []}), {"no-turns": [1]}),
    "a turn is null": (line({"messages": [None]}), {"wrong-type": [1]}),
    "a turn is a list": (line({"messages": [["user", "a"]]}), {"wrong-type": [1]}),
    "chat": (chat(ASK, SAY), {}),
    "chat with a system turn": (chat(("system", "be brief"), ASK, SAY), {}),
    "chat with a developer turn": (chat(("developer", "be brief"), ASK, SAY), {}),
    "chat with parts": (chat(("user", [{"type": "text", "text": "a"}]), SAY), {}),
    "chat with an image": (
        chat(("user", [{"type": "image_url", "image_url": {"url": "https://x"}}]), SAY),
        {"media-inline": [1]},
    ),
    "chat with an unknown part": (chat(("user", [{"type": "poem", "text": "a"}]), SAY), {"unknown-content": [1]}),
    "chat with a part of type null": (chat(("user", [{"type": None, "text": "a"}]), SAY), {"unknown-content": [1]}),
    "chat with a tool call": (
        line(
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                ]
            }
        ),
        {"tools-not-supported": [1]},
    ),
    "chat with a tool turn": (chat(ASK, SAY, ("tool", "4"), SAY), {"tools-not-supported": [1]}),
    "chat with tool definitions": (chat(ASK, SAY, tools=[{"name": "add"}]), {"tools-not-supported": [1]}),
    "chat with no tools": (chat(ASK, SAY, tools=[]), {}),
    "system turn later": (chat(ASK, SAY, ("system", "be brief"), ASK, SAY), {"misplaced-system": [1]}),
    "two system turns": (chat(("system", "be"), ("system", "brief"), ASK, SAY), {"misplaced-system": [1]}),
    "only a system turn": (chat(("system", "be brief")), {"no-turns": [1]}),
    "assistant first": (chat(SAY, ASK, SAY), {"first-turn-not-user": [1]}),
    "user twice": (chat(ASK, ASK, SAY), {"roles-not-alternating": [1]}),
    "assistant twice": (chat(ASK, SAY, SAY), {"roles-not-alternating": [1]}),
    "ends with the user": (chat(ASK, SAY, ASK), {"missing-assistant-turn": [1]}),
    "one user turn": (chat(ASK), {"missing-assistant-turn": [1]}),
    "unknown role": (chat(("human", "a"), SAY), {"unknown-role": [1]}),
    "role in capitals": (chat(("User", "a"), SAY), {"unknown-role": [1]}),
    "role is missing": (
        line({"messages": [{"content": "a"}, {"role": "assistant", "content": "b"}]}),
        {"missing-key": [1]},
    ),
    "role is a number": (line({"messages": [{"role": 1, "content": "a"}]}), {"wrong-type": [1]}),
    "role is a list": (line({"messages": [{"role": ["user"], "content": "a"}]}), {"wrong-type": [1]}),
    "content is missing": (
        line({"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}),
        {"missing-key": [1]},
    ),
    "content is a number": (chat(("user", 7), SAY), {"wrong-type": [1]}),
    "content is an empty list": (chat(("user", []), SAY), {"empty-text": [1]}),
    "content is empty": (chat(("user", ""), SAY), {"empty-text": [1]}),
    "a turn has a weight": (
        line({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}),
        {"turn-not-learned": [1]},
    ),
    "Anthropic": (chat(ASK, SAY, system="be brief"), {}),
    "Anthropic with blocks": (chat(("user", [{"type": "text", "text": "a"}]), SAY, system="be brief"), {}),
    "Anthropic system blocks": (chat(ASK, SAY, system=[{"type": "text", "text": "be brief"}]), {}),
    "Anthropic tool use": (
        chat(ASK, ("assistant", [{"type": "tool_use", "id": "1"}]), system="x"),
        {"tools-not-supported": [1]},
    ),
    "Anthropic with a system turn": (chat(("system", "a"), ASK, SAY, system="be brief"), {"misplaced-system": [1]}),
    "Anthropic system is empty": (chat(ASK, SAY, system=""), {"empty-system": [1]}),
    "Anthropic system is a number": (chat(ASK, SAY, system=7), {"wrong-type": [1]}),
    "bedrock": (bedrock(ASK, SAY), {}),
    "bedrock with a system prompt": (bedrock(ASK, SAY, system=[{"text": "be brief"}]), {}),
    "bedrock with a null system": (bedrock(ASK, SAY, system=None), {}),
    "bedrock with a string as system": (bedrock(ASK, SAY, system="be brief"), {"wrong-type": [1]}),
    "bedrock with a bare system block": (bedrock(ASK, SAY, system=["be brief"]), {"wrong-type": [1]}),
    "bedrock with an unknown key beside a text": (
        bedrock(("user", [{"text": "a", "cachePoint": 1}]), SAY),
        {"ignored-key": [1]},
    ),
    "bedrock with an empty text beside others": (
        bedrock(("user", [{"text": ""}, {"text": "a"}]), SAY),
        {"empty-block": [1]},
    ),
    "bedrock with empty texts only": (bedrock(("user", [{"text": ""}, {"text": " "}]), SAY), {"empty-text": [1, 1]}),
    "bedrock with an empty system": (bedrock(ASK, SAY, system=[{"text": ""}]), {"empty-system": [1]}),
    "chat with an empty system turn": (chat(("system", ""), ASK, SAY), {"empty-system": [1]}),
    "bedrock with every key of a block": (bedrock(("user", [{"text": "a", "image": None, "video": None}]), SAY), {}),
    "bedrock with string content": (
        line({"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user", "content": "a"}]}),
        {"wrong-type": [1], "missing-assistant-turn": [1]},
    ),
    "bedrock with an empty block": (bedrock(("user", [{}]), SAY), {"unknown-content": [1]}),
    "bedrock with two kinds in a block": (
        bedrock(("user", [{"text": "a", "image": {}}]), SAY),
        {"unknown-content": [1]},
    ),
    "bedrock with a block that is a string": (bedrock(("user", ["a"]), SAY), {"wrong-type": [1]}),
    "bedrock with text that is null": (bedrock(("user", [{"text": None}]), SAY), {"wrong-type": [1]}),
    "bedrock tool use": (bedrock(ASK, ("assistant", [{"toolUse": {}}])), {"tools-not-supported": [1]}),
    "bedrock tool configuration": (bedrock(ASK, SAY, toolConfig={"tools": []}), {"tools-not-supported": [1]}),
    "bedrock with two text blocks": (bedrock(("user", [{"text": "a"}, {"text": "b"}]), SAY), {}),
}


@pytest.mark.parametrize(("data", "expected"), rows(CONVERSATIONS))
def test_conversations_of_every_shape_get_a_verdict_on_their_line(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


@pytest.mark.parametrize(("turns", "codes"), [(MAX_TURNS, []), (MAX_TURNS + 2, ["too-many-turns"])])
def test_the_number_of_turns_is_bounded(turns: int, codes: list[str]) -> None:
    assert list(check(chat(*[ASK, SAY] * (turns // 2))).counts.errors) == codes


def test_reasoning_is_taken_where_the_model_has_it() -> None:
    assert found(check(bedrock(ASK, ("assistant", REASONED)), NOVA_2_LITE)) == {}


def test_an_answer_of_reasoning_alone_is_empty() -> None:
    assert found(check(bedrock(ASK, ("assistant", REASONED[:1])), NOVA_2_LITE)) == {"empty-text": [1]}
