"""What others wrote cannot begin a line, hide itself or fill a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.foreign import FOREIGN_CHARACTERS, LINE_CHARACTERS, block, foreign, line, visible


@given(st.text())
def test_a_foreign_text_is_one_line_of_bounded_length(text: str) -> None:
    shown = foreign(text)
    assert len(shown) <= FOREIGN_CHARACTERS
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown


@given(st.text())
def test_a_line_keeps_its_spaces_and_breaks_nowhere(text: str) -> None:
    assert len(line(text).splitlines()) <= 1


def test_a_line_keeps_the_columns_of_a_table() -> None:
    assert line("  model     arn") == "  model     arn"


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    shown = foreign("incoming/shop/" + "x" * 5_000 + "/name.jsonl")
    assert shown.startswith("incoming/shop/xx")
    assert shown.endswith("xx/name.jsonl")
    assert len(line("x" * 5_000)) == LINE_CHARACTERS - 1


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x85", "\x9b", "\u2028", "\u202e", "\u2067", "\ufeff", "\x00"])
def test_what_disturbs_a_terminal_or_turns_text_around_is_named(character: str) -> None:
    assert character not in visible(f"a{character}b")
    assert character not in foreign(f"a{character}b")
    assert character not in line(f"a{character}b")


def test_only_a_block_has_lines() -> None:
    assert block("a\nb", block("c", "d")) == "a b\nc\nd"


@pytest.mark.parametrize(
    "character",
    [
        *"\u200b\u2060\u2064\u00ad\u180e\u034f\u115f\u1160\u3164\uffa0\u2800\U000e0001\U000e0041\U000e007f\U000e0100",
        *map(chr, range(0xFE00, 0xFE10)),
    ],
)
def test_what_shows_nothing_is_named(character: str) -> None:
    assert visible(f"a{character}b") == f"a[U+{ord(character):04X}]b"


@pytest.mark.parametrize(
    "text",
    [
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\xa9\ufe0f",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f469\u200d\U0001f4bb",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "क्\u200dष",
    ],
)
def test_joiners_and_the_selector_of_an_emoji_stay(text: str) -> None:
    assert visible(text) == text


def test_of_several_selectors_after_an_emoji_one_stays() -> None:
    assert visible("\u2764\ufe0f\ufe0f\ufe01") == "\u2764\ufe0f[U+FE0F][U+FE01]"
