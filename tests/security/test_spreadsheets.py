"""The form for people's ratings holds no formula, whatever a spreadsheet takes for a separator or a quote."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetune.domain.evaluation.human_review import safe

FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "%")
SEPARATORS = ",;\t|"


def cells(text: str, delimiter: str, quoting: bool) -> list[str]:
    """Every cell of a row with the text in it, as it begins where white space and quotes are passed over."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([1, "question", safe(text), "", ""])
    read = io.StringIO(file.getvalue(), newline="")
    rows = csv.reader(read, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    return [cell.lstrip(' "\n\r\t\xa0\u3000') for row in rows for cell in row]


@pytest.mark.parametrize("quoting", [True, False])
@pytest.mark.parametrize("delimiter", SEPARATORS)
@given(
    text=st.text(
        alphabet=st.sampled_from([*FORMULAS, *SEPARATORS, '"', "'", " ", "\n", "\r", "\x00", "\xa0", "a", "1"])
    )
)
@example(text='see below;=HYPERLINK("https://example.com";"open")')
@example(text="a\t=1+1")
@example(text='a","=1+1","')
@example(text="a\n=1+1")
@example(text="a\r=1+1")
@example(text="a; \x00\xa0 =1")
@example(text="a|=1+1")
@example(text="'=1+1")
@example(text=";'\"=1")
def test_no_cell_begins_with_a_formula(delimiter: str, quoting: bool, text: str) -> None:
    assert [cell for cell in cells(text, delimiter, quoting) if cell.startswith(FORMULAS)] == []


def test_a_plain_answer_stays_as_it_is() -> None:
    plain = "Two of three; the rest, e.g. 5 - 3 = 2, is here: a@b.example\nNext line"
    assert safe(plain) == plain
