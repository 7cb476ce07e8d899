"""Rows of a table, by the columns of its header."""

import pytest

from finetune.domain.validation.check import check_dataset
from tests.checking import check, found, rows, rules, units

TABLES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "csv": (b"prompt,completion\na,b\nc,d\n", {}),
    "csv with a system column": (b"system,prompt,completion\nx,a,b\nx,c,d\n", {}),
    "csv with other names": (b"Question;Answer\na;b\n", {"other-names": [None]}),
    "csv with tabs": (b"prompt\tcompletion\na\tb\n", {}),
    "csv with quoted line breaks": (b'prompt,completion\n"a\nb",c\n\nd,\n', {"empty-text": [5]}),
    "csv with an unknown column": (b"prompt,completion,topic\na,b,c\n", {"ignored-key": [1]}),
    "csv that says as Excel does what parts its fields": (
        b"sep=;\nprompt;completion\na,b;c\nd;\n",
        {"empty-text": [4]},
    ),
    "csv without a header": (b"a,b\nc,d\n", {"csv-header": [1]}),
    "csv with a column twice": (b"prompt,prompt,completion\na,b,c\n", {"csv-header": [1]}),
    "csv with a short row": (b"prompt,completion\na\nb,c\n", {"invalid-csv": [2]}),
    "csv with an open quote": (b'prompt,completion\na,b\n"c,d\n', {"invalid-csv": [3]}),
    "csv that is not UTF-8": (b"prompt,completion\ncaf\xe9,b\nc,d\n", {"not-utf8": [2]}),
    "csv with a byte-order mark": (b"\xef\xbb\xbfprompt,completion\r\na,b\r\n", {"byte-order-mark": [1]}),
    "empty csv": (b"", {"empty-dataset": [None]}),
    "csv with only a header": (b"prompt,completion\n", {"empty-dataset": [None]}),
}


@pytest.mark.parametrize(("data", "expected"), rows(TABLES))
def test_tables_are_read_by_their_header(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data, suffix=".csv")) == expected


def test_a_table_of_tabs_is_read_by_tabs_whatever_else_its_header_has() -> None:
    data = b"Question, if any; or none\tanswer\na\tb\n"
    columns = {"prompt": "question, if any; or none", "completion": "answer"}
    for suffix, problems in ((".tsv", {}), (".csv", {"csv-header": [1]})):
        report = check_dataset([data], suffix=suffix, rules=rules(columns=columns), lint=False)
        assert {code: lines for code, lines in found(report).items() if code == "csv-header"} == problems


def test_a_row_begins_on_the_line_behind_the_row_before_it() -> None:
    data = b'prompt,completion\n"one\ntwo",x\n\nthree,y\n'
    found, lines = units([data], ".csv")
    assert [line for line, _ in found] == [2, 4, 5]
    assert lines == 5


FOREIGN = b"Ticket ID,Description,Resolution\n1,What is it?,A cup.\n2,And this?,A plate.\n"


def test_columns_that_nobody_knows_are_said_by_their_owner() -> None:
    columns = {"prompt": "description", "completion": "Resolution"}
    report = check_dataset([FOREIGN], suffix=".csv", rules=rules(columns=columns), lint=False)
    assert (report.records, found(report)) == (2, {"ignored-key": [1]})


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "the columns are a string of 9 characters, 'Description', 'Resolution'"),
        ({"prompt": "Subject"}, "no column is called 'subject'; the columns are"),
        ({"prompt": "Description", "completion": "Description"}, "no column is known as the prompt and another one"),
    ],
)
def test_a_header_that_does_not_say_which_is_which_is_told_with_its_columns(
    columns: dict[str, str], words: str
) -> None:
    [problem] = check_dataset([FOREIGN], suffix=".csv", rules=rules(columns=columns)).problems
    assert problem.code == "csv-header"
    assert words in problem.message
