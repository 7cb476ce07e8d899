"""What a run is expected to cost and may cost at most."""

from __future__ import annotations

from typing import Any

from finetune.estimate import SHARD_ITEMS, Expense, agreed, shards_of
from finetune.run import Candidate, Run
from finetune.settings import Settings
from tests.evaluating import items
from tests.evaluating import run as planned
from tests.staging import NOVA, Prepared, records


def run(**settings: Any) -> Run:
    one = Candidate(index=1, name="shop-c1", hyperparameters={})
    return planned().model_copy(update={"settings": Settings.model_validate(settings), "candidates": (one,)})


def test_shards_have_the_same_size_and_hold_all_items() -> None:
    for count in (1, SHARD_ITEMS, SHARD_ITEMS + 1, 5_000):
        shards = shards_of(count)
        assert sum(shard.count for shard in shards) == count
        assert [shard.first for shard in shards] == [index * shards[0].count for index in range(len(shards))]
    assert shards_of(0) == ()


def test_a_model_that_is_not_trained_again_costs_its_evaluation() -> None:
    prepared = Prepared(records(100)).result
    found = Expense.of(run(base_model=NOVA), items(10))
    trains, evaluates = (found.estimate(run(), prepared, trains=trains) for trains in (True, False))
    assert {line.what for line in trains.lines} - {line.what for line in evaluates.lines} == {"Training"}
    most = found.most_usd(run())
    assert most is not None
    assert 0 < most < evaluates.most_usd + 1e-9


def test_what_nobody_agreed_to_serve_is_of_no_use_however_cheap_the_run_is() -> None:
    prepared, settings = Prepared(records(100)).result, {"base_model": NOVA, "deployment": "provisioned"}
    estimate = Expense.of(run(**settings), items(10)).estimate(run(**settings), prepared, trains=True)
    verdict = agreed(run(**settings), estimate)
    assert not verdict.within
    assert verdict.reason.startswith("Its model could be of no use: ")
    assert agreed(run(), estimate).within
