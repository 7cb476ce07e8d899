"""Which format an object's keys speak for."""

import pytest

from tests.checking import ASK, GOOD, SAY, bedrock, chat, check, line


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (GOOD, "prompt-completion"),
        (bedrock(ASK, SAY), "bedrock-conversation-2024"),
        (chat(ASK, SAY), "openai-chat"),
        (chat(ASK, SAY, system="x") + b"\n" + chat(("user", "b"), SAY), "anthropic-messages"),
        (b"", None),
        (b"[]", None),
        (line({"prompt": 7}), "prompt-completion"),
    ],
)
def test_the_format_is_named(data: bytes, name: str | None) -> None:
    assert check(data).format == name
