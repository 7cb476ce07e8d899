"""Repetitions are found among the first different hashes, and the line of the first of each is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.similarity.repetition import Repetitions


@given(st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=12))
def test_every_hash_but_the_first_of_its_kind_is_a_repetition(batches: list[list[int]]) -> None:
    seen, first, line = Repetitions(100), dict[int, int](), 0
    for keys in batches:
        expected = []
        for index, key in enumerate(keys):
            if first.setdefault(key, line + index) != line + index:
                expected.append(index)
        assert seen.repeated(range(line, line + len(keys)), keys) == expected
        line += len(keys)
    assert {key: seen.line_of(key) for key in first} == first
    assert not seen.overflowed


def test_of_more_than_are_remembered_only_the_first_are() -> None:
    seen = Repetitions(3)
    seen.repeated([1, 2], [7, 8])
    assert not seen.overflowed
    assert seen.repeated([3, 4], [9, 10]) == []
    assert seen.overflowed
    assert seen.repeated([5, 6, 7], [10, 7, 8]) == [1, 2]
    assert seen.line_of(8) == 2
