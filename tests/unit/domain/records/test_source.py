"""A file is read the same way whatever pieces it comes in; one that is something else is known by its first bytes."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.records import limits
from finetune.domain.validation.check import check_dataset
from finetune.errors import UnsupportedDataset
from tests.checking import GOOD, OTHER, TEXTS, check, cut, found, rows, rules, units
from tests.unit.domain.records.test_arrays import ARRAYS
from tests.unit.domain.records.test_conversations import CONVERSATIONS
from tests.unit.domain.records.test_lines import LINES
from tests.unit.domain.records.test_reading import RECORDS
from tests.unit.domain.records.test_strict_json import DOCUMENTS
from tests.unit.domain.records.test_tables import TABLES
from tests.unit.domain.validation.test_check import TOGETHER
from tests.unit.domain.validation.test_rules import BY_RULES

FILES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "byte-order mark": (b"\xef\xbb\xbf" + GOOD, {"byte-order-mark": [1]}),
    "byte-order mark before a bad line": (b"\xef\xbb\xbf\n[]", {"byte-order-mark": [1], "not-an-object": [2]}),
    "two byte-order marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD, {"byte-order-mark": [1], "invalid-json": [1]}),
    "byte-order mark on the second line": (GOOD + b"\n\xef\xbb\xbf" + OTHER, {"invalid-json": [2]}),
    "empty file": (b"", {"empty-dataset": [None]}),
    "only a byte-order mark": (b"\xef\xbb\xbf", {"byte-order-mark": [1], "empty-dataset": [None]}),
    "only blank lines": (b"\n \r\n\t", {"empty-dataset": [None]}),
    "UTF-16 with a mark": (GOOD.decode().encode("utf-16"), {"utf-16": [None]}),
    "UTF-16 little endian without a mark": (GOOD.decode().encode("utf-16-le"), {"utf-16": [None]}),
    "UTF-16 big endian without a mark": (GOOD.decode().encode("utf-16-be"), {"utf-16": [None]}),
    "UTF-32": (GOOD.decode().encode("utf-32-be"), {"utf-16": [None]}),
    "gzip": (b"\x1f\x8b\x08\x00\x00", {"not-a-text-file": [None]}),
    "zip": (b"PK\x03\x04...", {"not-a-text-file": [None]}),
    "Parquet": (b"PAR1\x00\x01", {"not-a-text-file": [None]}),
}


@pytest.mark.parametrize(("data", "expected"), rows(FILES))
def test_a_file_is_known_by_its_first_bytes(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


@pytest.mark.parametrize("magic", [b"%PDF-1.7", b"\x89PNG\r\n", b"<!DOCTYPE html>", b"7z\xbc\xaf\x27\x1c"])
def test_a_file_that_is_something_else_gets_one_sentence(magic: bytes) -> None:
    report = check(magic + b"\n" + GOOD)
    assert [problem.code for problem in report.problems] == ["not-a-text-file"]


@pytest.mark.parametrize(("beyond", "codes"), [(0, []), (1, ["file-too-large"])])
def test_a_file_that_no_run_would_make_is_refused_and_still_checked(
    beyond: int, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_DATASET_BYTES", len(GOOD))
    report = check(GOOD + b"\n" * beyond)
    assert (list(report.counts.errors), report.records) == (codes, 1)


def test_another_suffix_is_no_dataset() -> None:
    with pytest.raises(UnsupportedDataset, match=r"not in \.txt"):
        check(GOOD, suffix=".txt")


def test_a_compressed_file_is_not_read_to_its_end() -> None:
    def stream() -> Iterator[bytes]:
        yield b"\x1f\x8b" + b"\0" * 70_000
        raise AssertionError("nobody should read on")

    assert check_dataset(stream(), suffix=".jsonl", rules=rules()).counts.errors == {"not-a-text-file": 1}


@given(TEXTS, st.lists(st.integers(0, 60)), st.sampled_from([".jsonl", ".json", ".csv"]))
def test_pieces_of_any_size_make_the_same_units(data: bytes, places: list[int], suffix: str) -> None:
    assert units(cut(data, places), suffix) == units([data], suffix)


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_an_endless_record_ends_the_reading(suffix: str) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b'[{"a": "' if suffix == ".json" else b'prompt,completion\n"'
        while taken < 200:
            taken += 1
            yield b"x" * 65536

    found, _ = units(list(endless()) if suffix == ".csv" else endless(), suffix)  # type: ignore[arg-type]  # any iterable
    assert found[-1][0] in (1, 2)
    assert suffix == ".csv" or taken < 40


@pytest.mark.parametrize(
    ("table", "suffix"),
    [
        *((table, ".jsonl") for table in (FILES, LINES, DOCUMENTS, RECORDS, CONVERSATIONS, BY_RULES, TOGETHER)),
        (TABLES, ".csv"),
        (ARRAYS, ".json"),
    ],
)
def test_the_size_of_the_pieces_changes_nothing(table: dict[str, tuple[bytes, Any]], suffix: str) -> None:
    for name, (data, _) in table.items():
        pieces = [data[start : start + 7] for start in range(0, min(len(data), 5000), 7)] + [data[5001:]]
        whole = check_dataset([b"".join(pieces)], suffix=suffix, rules=rules(), lint=False)
        assert check_dataset(pieces, suffix=suffix, rules=rules(), lint=False) == whole, name
