"""Every text is escaped, and numbers are written as people write them."""

import pytest

from finetune.domain.report import markup
from tests.reporting import HOSTILE, Page


def test_a_control_character_is_named_instead_of_sent() -> None:
    assert markup.escape("a\x00b\u202ec\r\nd\te") == "a[U+0000]b[U+202E]c\nd\te"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_an_element_or_leaves_its_attribute(text: str) -> None:
    element = markup.tag("p", text, title=text)
    page = Page(element)
    assert page.elements == ["p"]
    assert [name for _, name, _ in page.attributes] == ["title"]
    assert page.open == []


def test_markup_stays_what_it_is_and_everything_else_is_escaped() -> None:
    assert markup.join(markup.tag("b", "a<b"), "<", 7) == "<b>a&lt;b</b>&lt;7"
    assert markup.escape(markup.escape("&")) == "&amp;"


def test_attributes_are_spelt_as_html_spells_them() -> None:
    assert markup.tag("p", class_="x", data_size=3, hidden=True, open=False, title=None) == (
        '<p class="x" data-size="3" hidden></p>'
    )


@pytest.mark.parametrize(("points", "written"), [(1.25, "+1.2"), (-0.5, "\u22120.5"), (0.04, "0"), (-0.04, "0")])
def test_a_difference_has_its_sign_and_zero_has_none(points: float, written: str) -> None:
    assert markup.signed(points) == written


def test_a_long_text_is_cut_where_it_says_how_much_is_missing() -> None:
    assert markup.shortened("<" * 3, 3) == "&lt;&lt;&lt;"
    assert markup.shortened("abcd", 3) == 'abc\u2026 <span class="note">[1 more characters]</span>'
    assert markup.one_line(" a\n b  c ", 5) == "a b c"
    assert markup.one_line("a b c d", 5) == "a b \u2026"


def test_facts_and_tables_hold_what_they_are_given_in_order() -> None:
    assert Page(markup.facts({"Lines": 1_234, "Format": "csv"})).texts == ["Lines", "1,234", "Format", "csv"]
    assert Page(markup.table(("Line", "What"), [("1", "<b>")])).texts == ["Line", "What", "1", "<b>"]
