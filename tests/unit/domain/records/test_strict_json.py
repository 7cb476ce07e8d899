"""A line is one JSON document that every reader reads alike, or it is refused with its reason."""

import pytest

from finetune.domain.records.strict_json import MAX_DEPTH
from tests.checking import GOOD, OTHER, check, found, rows

DOCUMENTS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "not UTF-8": (GOOD + b'\n{"prompt": "caf\xe9", "completion": "x"}', {"not-utf8": [2]}),
    "overlong UTF-8": (b'{"prompt": "\xc0\xaf", "completion": "x"}', {"not-utf8": [1]}),
    "surrogate encoded in UTF-8": (b'{"prompt": "\xed\xa0\x80", "completion": "x"}', {"not-utf8": [1]}),
    "cut inside a character": ('{"prompt": "é'.encode()[:-1], {"not-utf8": [1]}),
    "lone high surrogate": (rb'{"prompt": "\ud83d", "completion": "x"}', {"lone-surrogate": [1]}),
    "lone low surrogate": (rb'{"prompt": "\ude00 x", "completion": "x"}', {"lone-surrogate": [1]}),
    "high surrogate before a letter": (rb'{"prompt": "\ud83dab", "completion": "x"}', {"lone-surrogate": [1]}),
    "a pair of surrogates": (rb'{"prompt": "\ud83d\ude00", "completion": "x"}', {}),
    "NUL in a line": (GOOD + b"\x00", {"invalid-json": [1]}),
    "NaN": (b'{"prompt": NaN, "completion": "x"}', {"not-a-number": [1]}),
    "NaN in a key nobody reads": (b'{"prompt": "a", "completion": "x", "n": [NaN]}', {"not-a-number": [1]}),
    "Infinity": (b'{"prompt": "a", "completion": "x", "n": Infinity}', {"not-a-number": [1]}),
    "minus Infinity": (b'{"prompt": "a", "completion": "x", "n": -Infinity}', {"not-a-number": [1]}),
    "a number out of range": (b'{"prompt": "a", "completion": "x", "n": 1e999}', {"number-out-of-range": [1]}),
    "five thousand digits": (
        b'{"prompt": "a", "completion": "x", "n": ' + b"9" * 5000 + b"}",
        {"number-out-of-range": [1]},
    ),
    "thirty digits": (b'{"prompt": "a", "completion": "x", "n": ' + b"9" * 30 + b"}", {"ignored-key": [1]}),
    "duplicate key": (b'{"prompt": "a", "prompt": "b", "completion": "x"}', {"duplicate-key": [1]}),
    "duplicate key with a space before the colon": (
        b'{"prompt":"a","prompt" :"b","completion":"x"}',
        {"duplicate-key": [1]},
    ),
    "duplicate key written with an escape": (
        rb'{"prompt": "a", "\u0070rompt": "b", "completion": "x"}',
        {"duplicate-key": [1]},
    ),
    "duplicate key that holds a number": (b'{"prompt": 1, "prompt": "b", "completion": "x"}', {"duplicate-key": [1]}),
    "duplicate key inside": (
        b'{"messages": [{"role": "user", "role": "user", "content": "a"}]}',
        {"duplicate-key": [1]},
    ),
    "duplicate key beside backslashes": (
        rb'{"prompt": "\\", "completion": "\\\"", "prompt": "\\\\"}',
        {"duplicate-key": [1]},
    ),
    "backslashes and quotes": (rb'{"prompt": "\\", "completion": "\\\" \\\\ \" \u0022"}', {}),
    "two documents": (GOOD + OTHER, {"two-documents": [1]}),
    "two documents with a space": (GOOD + b" " + OTHER, {"two-documents": [1]}),
    "text behind the document": (GOOD + b" x", {"invalid-json": [1]}),
    "trailing comma": (b'{"prompt": "a", "completion": "b",}', {"invalid-json": [1]}),
    "single quotes": (b"{'prompt': 'a', 'completion': 'b'}", {"invalid-json": [1]}),
    "cut off": (GOOD[:-3], {"invalid-json": [1]}),
    "a tab inside a string": (b'{"prompt": "a\tb", "completion": "c"}', {"invalid-json": [1]}),
    "comment": (b"# data\n" + GOOD, {"invalid-json": [1]}),
    "nested to the limit": (
        b'{"prompt": "a", "completion": "b", "n": ' + b"[" * 63 + b"]" * 63 + b"}",
        {"ignored-key": [1]},
    ),
    "nested past the limit": (
        b'{"prompt": "a", "completion": "b", "n": ' + b"[" * 65 + b"]" * 65 + b"}",
        {"nested-too-deep": [1]},
    ),
    "a thousand brackets": (b"[" * 1000 + b"]" * 1000 + b"\n" + GOOD, {"nested-too-deep": [1]}),
    "a bomb of brackets": (GOOD + b"\n" + b'{"a":' * 100_000, {"nested-too-deep": [2]}),
    "a closed bomb of brackets": (GOOD + b"\n" + b"[" * 100_000 + b"]" * 100_000, {"nested-too-deep": [2]}),
}


@pytest.mark.parametrize(("data", "expected"), rows(DOCUMENTS))
def test_documents_are_read_strictly_and_found_on_their_line(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


@pytest.mark.parametrize(("levels", "codes"), [(MAX_DEPTH, []), (MAX_DEPTH + 1, ["nested-too-deep"])])
def test_nesting_is_bounded(levels: int, codes: list[str]) -> None:
    data = b'{"prompt": "a", "completion": "b", "more": ' + b"[" * (levels - 1) + b"1" + b"]" * (levels - 1) + b"}"
    assert list(check(data).counts.errors) == codes


@pytest.mark.parametrize(("digits", "code"), [(308, "duplicate-key"), (5_000, "number-out-of-range")])
def test_a_key_given_twice_is_found_behind_a_number_of_any_length(digits: int, code: str) -> None:
    twice = b'{"prompt": "a", "completion": "b", "id": %b, "id": 1}' % (b"9" * digits)
    assert found(check(twice)) == {code: [1]}


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 400_000, b'{"a":"' + b"\\" * 999_999], ids=["quotes", "backslashes"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_string_that_never_ends_is_refused(data: bytes, suffix: str) -> None:
    assert not check(b"[" * (suffix == ".json") + data, suffix=suffix).accepted
