"""Token counts are estimates, with the weights that were fitted to real tokenizers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.tokens import estimate


@pytest.mark.parametrize(
    ("text", "family", "tokens"),
    [
        ("", "Meta", 0),
        ("a", "Meta", 1),
        ("x" * 1000, "Meta", 241),
        ("x" * 1000, "Anthropic", 268),
        ("x" * 1000, "OpenAI", 232),
        ("x" * 1000, "Amazon", 241),
        ("é" * 1000, "Meta", 451),
        ("漢" * 1000, "Anthropic", 1162),
    ],
)
def test_tokens_follow_from_characters_and_further_bytes(text: str, family: str, tokens: int) -> None:
    assert estimate(text, family) == tokens


@given(st.text())
def test_lengths_do_for_the_text(text: str) -> None:
    assert estimate(text, "Meta") == estimate((len(text), len(text.encode())), "Meta")


def test_a_lone_surrogate_does_not_raise() -> None:
    assert estimate("\ud800", "Meta") == 1
