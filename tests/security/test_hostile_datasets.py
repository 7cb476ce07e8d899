"""A dataset that is made to be judged for ever is judged in proportion to its length."""

from __future__ import annotations

import time
from itertools import combinations

import pytest

from benchmarks.hostile import RECORDS, dataset, judge
from finetune.domain.similarity import overlap
from finetune.domain.similarity.overlap import Asked, Overlap
from finetune.errors import UnsupportedDataset

FEW, TIMES = 64 * 1024, 4


def seconds(name: str, size: int) -> float:
    """Of the processor's time."""
    data = dataset(name, size)
    began = time.process_time()
    judge(data)
    return time.process_time() - began


@pytest.mark.parametrize("name", RECORDS)
def test_four_times_the_bytes_do_not_take_sixteen_times_the_time(name: str) -> None:
    few = seconds(name, FEW)
    many = seconds(name, TIMES * FEW)
    # The square would be sixteen times. A first look may have loaded what a later one finds, so a slow one is repeated.
    if many > 2.5 * TIMES * few:
        few, many = max(few, seconds(name, FEW)), min(many, seconds(name, TIMES * FEW))
    assert many <= 2.5 * TIMES * few + 0.05


def test_records_that_have_the_words_of_many_questions_are_looked_up_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = [f"left{number} right{number}" for number in range(24)]
    questions = [Asked(" ".join(chosen).encode()) for chosen in combinations(parts, 4)]
    index = Overlap(questions[::40])
    monkeypatch.setattr(overlap, "_MOST_COMPARED", 20_000)
    looked_up = iter(questions)
    with pytest.raises(UnsupportedDataset, match=r"more than 20,000 comparisons\. Drop a sample"):
        list(map(index.holds, looked_up))
    assert len(questions) / 2 < len(list(looked_up)) < len(questions) - 50


def test_what_people_write_costs_no_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    index = Overlap([Asked(f"how do i send back order {number} from last week".encode()) for number in range(100)])
    monkeypatch.setattr(overlap, "_MOST_COMPARED", 0)
    assert not index.holds(Asked(b"what does the express delivery to another country cost"))
