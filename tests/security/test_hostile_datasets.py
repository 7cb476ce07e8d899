"""A dataset that is made to be judged for ever is judged in proportion to its length."""

from __future__ import annotations

import time

import pytest

from benchmarks.hostile import RECORDS, dataset, judge

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
