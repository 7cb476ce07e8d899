"""Token counts are estimates, with the weights that were fitted to real tokenizers."""

import pytest

from finetune.domain.tokens import ERRORS, errors, estimate, likely


@pytest.mark.parametrize(
    ("text", "provider", "tokens"),
    [
        ("", "Meta", 0),
        ("a", "Meta", 1),
        ("x" * 1000, "Meta", 241),
        ("x" * 1000, "Anthropic", 268),
        ("x" * 1000, "Amazon", 241),
        ("é" * 1000, "Meta", 451),
        ("漢" * 1000, "Anthropic", 1162),
    ],
)
def test_tokens_follow_from_characters_and_further_bytes(text: str, provider: str, tokens: int) -> None:
    assert estimate(text, provider) == tokens


def test_a_lone_surrogate_does_not_raise() -> None:
    assert estimate("\ud800", "Meta") == 1


def test_a_family_without_a_public_tokenizer_counts_and_errs_as_llama_does() -> None:
    assert estimate("x" * 1000, "Amazon") == estimate("x" * 1000, "Meta")
    assert errors("Amazon") == ERRORS["meta"]


def test_what_is_likely_follows_from_the_error_of_the_kind_of_text() -> None:
    assert likely(100, "x", "Meta") == (81, 145)
    assert likely(100, "7", "Meta") == (95, 250)
