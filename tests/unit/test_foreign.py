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
