"""Findings name their place, and a ledger counts all of them, keeps the first and hands on each."""

from __future__ import annotations

import pytest

from finetune.domain.findings import CODES, Finding, Ledger, not_a_warning, quoted


def test_every_code_has_a_remedy_that_is_a_sentence() -> None:
    assert all(code.remedy.endswith(".") and code.remedy[0].isupper() for code in CODES.values())


@pytest.mark.parametrize(
    ("finding", "sentence", "what"),
    [
        (Finding(None, "empty-dataset", "the file holds no records"), "the file holds no records", None),
        (Finding(7, "empty-text", "prompt is empty"), "line 7: prompt is empty", "prompt is empty"),
        (
            Finding(1, "empty-text", "prompt is empty", element=3),
            "line 1: element 3: prompt is empty",
            "element 3: prompt is empty",
        ),
    ],
)
def test_a_finding_says_where_and_what(finding: Finding, sentence: str, what: str | None) -> None:
    assert (finding.sentence, finding.what) == (sentence, what or sentence)


def test_a_finding_is_json_with_nothing_that_says_nothing() -> None:
    assert Finding(7, "empty-text", "prompt is empty").as_dict() == {
        "line": 7,
        "code": "empty-text",
        "message": "prompt is empty",
    }
    assert Finding(1, "empty-text", "prompt is empty", element=3).as_dict()["element"] == 3
    assert Finding(None, "system-in-prompt", "systems", records=9).as_dict()["records"] == 9


def test_a_ledger_counts_all_keeps_the_first_and_hands_on_each_in_order() -> None:
    handed: list[tuple[int | None, str, str]] = []

    def hand_on(finding: Finding, severity: str) -> None:
        handed.append((finding.line, finding.code, severity))

    ledger = Ledger(2, ["duplicate-record"], hand_on)
    for line in (3, 4, 5):
        ledger.add(line, "empty-text", "prompt is empty")
    ledger.add(6, "duplicate-record", "repeats the record of line 1")
    ledger.add(None, "identical-answers", "9 of 90 records have the same answer", records=9)
    assert handed == [
        (3, "empty-text", "error"),
        (4, "empty-text", "error"),
        (5, "empty-text", "error"),
        (6, "duplicate-record", "error"),
        (None, "identical-answers", "warning"),
    ]
    assert [finding.line for finding in ledger.findings(errors=True)] == [3, 4, 6]
    assert ledger.count(errors=True) == {"duplicate-record": 1, "empty-text": 3}
    assert ledger.count(errors=False) == {"identical-answers": 9}


def test_only_a_ledger_that_hands_nothing_on_is_ever_done_with_a_code() -> None:
    alone, heard = Ledger(1), Ledger(1, on_finding=lambda *_: None)
    for ledger in (alone, heard):
        ledger.add(1, "empty-text", "prompt is empty")
    assert (alone.only_counts("empty-text"), heard.only_counts("empty-text")) == (True, False)
    assert not alone.only_counts("missing-key")


def test_elements_of_an_array_are_named_by_their_number_and_found_on_their_line() -> None:
    ledger = Ledger(5)
    names = [ledger.enter(element, line) for element, line in ((1, 2), (2, 2), (3, 4))]
    ledger.add(names[2], "empty-text", "prompt is empty")
    assert (ledger.line_of(2), ledger.place_of(2)) == (2, "element 2")
    assert ledger.findings(errors=True) == (Finding(4, "empty-text", "prompt is empty", element=3),)


@pytest.mark.parametrize(
    ("codes", "wrong"),
    [
        (["secret", "near-duplicate"], None),
        (["secrets"], "no check has the code 'secrets'; the most similar code is 'secret'"),
        (["empty-text"], "'empty-text' is always an error; name warnings only"),
    ],
)
def test_only_warnings_can_be_made_errors(codes: list[str], wrong: str | None) -> None:
    assert not_a_warning(codes) == wrong


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("prompt", "'prompt'"),
        ("a sentence of a user", "a string of 20 characters"),
        ("x" * 41, "a string of 41 characters"),
        (["a"], "an array"),
        (None, "null"),
    ],
)
def test_a_name_is_quoted_only_where_it_reads_like_one(name: object, shown: str) -> None:
    assert quoted(name) == shown
