"""Bytes become lines, elements and rows the same way whatever pieces they come in."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.records.record import Unit
from finetune.domain.records.source import Source
from finetune.domain.records.strict_json import MAX_LINE_BYTES


def units(pieces: list[bytes], suffix: str = ".jsonl") -> tuple[list[tuple[int, Unit]], int]:
    source = Source(pieces, suffix)
    found = [(line, unit) for first, block in source for line, unit in enumerate(block, first)]
    return found, source.lines


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[low:high] for low, high in pairwise(edges)]


TEXTS = st.lists(
    st.sampled_from([b"a", b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"\n", b"\r", b"\r\n", b" ", b"1", b";"]),
    max_size=40,
).map(b"".join)


@given(TEXTS, st.lists(st.integers(0, 60)), st.sampled_from([".jsonl", ".json", ".csv"]))
def test_pieces_of_any_size_make_the_same_units(data: bytes, places: list[int], suffix: str) -> None:
    assert units(cut(data, places), suffix) == units([data], suffix)


@given(TEXTS)
def test_lines_are_what_line_ends_part(data: bytes) -> None:
    unified = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = unified.split(b"\n")
    if not expected[-1]:
        expected.pop()
    source = Source([data], ".jsonl")
    if source.container == "jsonl":
        assert units([data]) == (list(enumerate(expected, 1)), len(expected))


@given(
    st.lists(
        st.sampled_from([b'{"a": "],[\\""}', b"[1, [2]]", b'"x,y"', b"7", b'{"a":\n{"b":[]}}']), min_size=1, max_size=6
    ),
    st.lists(st.integers(0, 90)),
)
def test_elements_of_an_array_are_found_whole_and_where_they_begin(elements: list[bytes], places: list[int]) -> None:
    data = b"[\n" + b"\n,\n".join(elements) + b"\n]\n"
    found, lines = units(cut(data, places), ".json")
    assert [unit for _, unit in found] == elements
    assert [line for line, _ in found] == [
        2 + 2 * number + sum(element.count(b"\n") for element in elements[:number]) for number in range(len(elements))
    ]
    assert lines == data.count(b"\n")


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_a_line_is_cut_one_byte_behind_the_limit(extra: int) -> None:
    data = b"x" * (MAX_LINE_BYTES + extra)
    found, _ = units([data + b"\nlast"])
    assert [len(unit) for _, unit in found] == [MAX_LINE_BYTES + min(extra, 1), 4]


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


def test_a_row_begins_on_the_line_behind_the_row_before_it() -> None:
    data = b'prompt,completion\n"one\ntwo",x\n\nthree,y\n'
    found, lines = units([data], ".csv")
    assert [line for line, _ in found] == [2, 4, 5]
    assert lines == 5
