"""Elements of a JSON array, each where it begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checking import GOOD, OTHER, check, cut, found, rows, units

ARRAYS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "array": (b"[" + GOOD + b"," + OTHER + b"]", {}),
    "array over lines": (b"[\n" + GOOD + b",\n\n  {\n" + OTHER[1:-1] + b"\n}\n]\n", {}),
    "array with a bad element": (b"[\n" + GOOD + b",\n7,\n" + OTHER + b"]", {"not-an-object": [3]}),
    "array with NaN": (b'[\n{"prompt": NaN, "completion": "b"},\n' + OTHER + b"]", {"not-a-number": [2]}),
    "array with a trailing comma": (b"[\n" + GOOD + b",\n]", {"invalid-json": [3]}),
    "array with two commas": (b"[" + GOOD + b",\n," + OTHER + b"]", {"invalid-json": [2]}),
    "array that is not closed": (b"[\n" + GOOD + b"\n", {"invalid-json": [2]}),
    "array with a wrong bracket": (b"[\n" + GOOD + b"}", {"invalid-json": [2]}),
    "array with text behind": (b"[" + GOOD + b"\n]\nx", {"invalid-json": [3]}),
    "array on the first of several lines": (b"[" + GOOD + b"]\n" + OTHER, {"not-an-object": [1]}),
    "array with a string left open": (b'[{"prompt": "a]', {"invalid-json": [1]}),
    "empty array": (b"[]", {"empty-dataset": [None]}),
    "lines in a .json file": (GOOD + b"\n" + OTHER, {}),
    "brackets inside strings": (rb'[{"prompt": "a]},{[ \" \\", "completion": "b"}]', {}),
}


@pytest.mark.parametrize(("data", "expected"), rows(ARRAYS))
def test_arrays_are_read_element_by_element(data: bytes, expected: dict[str, list[int]]) -> None:
    report = check(data, suffix=".json")
    assert found(report) == expected
    assert report.lines == data.count(b"\n") + (not data.endswith(b"\n"))


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
