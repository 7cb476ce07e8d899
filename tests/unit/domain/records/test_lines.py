"""Lines are parted by line ends and by nothing else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finetune.domain.records.source import Source
from finetune.domain.records.strict_json import MAX_LINE_BYTES
from finetune.domain.validation.check import check_dataset
from tests.checking import GOOD, OTHER, TEXTS, check, found, rows, rules, units

LINES: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "one record": (GOOD, {}),
    "one record with a newline": (GOOD + b"\n", {}),
    "carriage return and newline": (GOOD + b"\r\n" + OTHER + b"\r\n", {}),
    "carriage returns alone": (GOOD + b"\r" + OTHER + b"\r[]", {"not-an-object": [3]}),
    "blank lines": (b"\n\n" + GOOD + b"\n \t\n\n[]\n", {"not-an-object": [6]}),
    "line separators inside strings": (
        '{"prompt": "a\u2028b\u2029c\x85d", "completion": "e"}\n[]'.encode(),
        {"not-an-object": [2]},
    ),
    "vertical tab and form feed are no line ends": (GOOD + b"\x0b\x0c" + OTHER, {"invalid-json": [1]}),
    "a record over two lines": (GOOD + b'\n{"prompt": "a",\n"completion": "b"}', {"invalid-json": [2, 3]}),
    "a line too long": (GOOD + b"\n" + b"x" * ((1 << 20) + 1) + b"\n[]", {"line-too-long": [2], "not-an-object": [3]}),
}


@pytest.mark.parametrize(("data", "expected"), rows(LINES))
def test_lines_of_a_file_are_found_by_their_physical_number(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


def test_an_endless_line_is_bounded_in_memory() -> None:
    report = check_dataset((b"x" * 65536 for _ in range(2000)), suffix=".jsonl", rules=rules())
    assert report.counts.errors == {"line-too-long": 1}
    assert report.lines == 1


@given(
    st.lists(st.sampled_from([GOOD, OTHER, b"", b" ", b"[]", b"{}", b"{"]), max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.booleans(),
)
def test_line_ends_and_blank_lines_never_move_a_finding(parts: list[bytes], end: bytes, final: bool) -> None:
    report = check(end.join(parts) + (end if final and parts else b""))
    expected = [number for number, part in enumerate(parts, 1) if part in (b"[]", b"{}", b"{")]
    assert sorted(f.line for f in report.problems if f.line) == expected
    assert report.rejected == len(expected)
    assert report.records == sum(part in (GOOD, OTHER) for part in parts)


@given(TEXTS)
def test_lines_are_what_line_ends_part(data: bytes) -> None:
    unified = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = unified.split(b"\n")
    if not expected[-1]:
        expected.pop()
    source = Source([data], ".jsonl")
    assume(source.container == "jsonl")
    assert units([data]) == (list(enumerate(expected, 1)), len(expected))


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_a_line_is_cut_one_byte_behind_the_limit(extra: int) -> None:
    data = b"x" * (MAX_LINE_BYTES + extra)
    found, _ = units([data + b"\nlast"])
    assert [len(unit) for _, unit in found] == [MAX_LINE_BYTES + min(extra, 1), 4]
