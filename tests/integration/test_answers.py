"""Answers are kept where a shard that goes on and a later run find them, as often as a crash would be regretted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from finetune.aws import answers
from finetune.domain.evaluation.answers import Answer
from finetune.settings import Inference
from tests.evaluating import Bucket, items, run

URI = "s3://artifacts/answers.jsonl"
INFERENCE = Inference()
GIVEN = [Answer(id=f"item-{number}", text=f"Answer {number}.", stop_reason="end_turn") for number in range(20)]


def earlier(model: str = "arn:model", inference: Inference = INFERENCE, asked: int = 3, **item: str) -> str:
    return answers.earlier_uri(run(), model, inference, items(asked, **item))


def test_a_shard_of_a_contestant_has_a_file_of_its_own_in_the_run_s_folder() -> None:
    assert answers.uri(run(), "champion", 7) == run().uri("answers/champion/007.jsonl")


def test_after_a_rematch_the_answers_of_another_champion_and_what_was_judged_with_them_are_kept_apart() -> None:
    planned = run()
    again = planned.model_copy(update={"rematches": 1})
    third = planned.model_copy(update={"rematches": 2})
    for contestant in ("base", "candidate"):
        assert answers.uri(again, contestant, 7) == answers.uri(planned, contestant, 7)
    for contestant in ("champion", "judge"):
        assert len({answers.uri(each, contestant, 7) for each in (planned, again, third)}) == 3


def test_later_runs_find_answers_by_all_that_they_follow_from_and_by_nothing_else() -> None:
    same = answers.earlier_uri(run(run_id="another"), "arn:model", Inference(), items(3))
    assert earlier() == same
    assert earlier().startswith("s3://artifacts/answers-cache/shop/")
    others = [
        earlier("arn:other"),
        earlier(inference=Inference(max_tokens=16)),
        earlier(inference=Inference(temperature=0.5)),
        earlier(asked=4),
        earlier(system="Be brief."),
    ]
    assert len({earlier(), *others}) == 6


def test_what_was_saved_is_loaded_by_item_and_nothing_where_nothing_was() -> None:
    bucket = Bucket()
    assert answers.load(bucket.client, URI) == {}
    answers.save(bucket.client, URI, GIVEN)
    assert answers.load(bucket.client, URI) == {answer.id: answer for answer in GIVEN}


def kept(bucket: Bucket) -> list[Answer]:
    return list(answers.load(bucket.client, URI).values())


@pytest.mark.parametrize(("seconds", "writes"), [(answers.SAVE_SECONDS, 20), (1.0, 4), (0.0, 1)])
def test_answers_are_written_every_few_seconds_and_at_the_end(seconds: float, writes: int) -> None:
    bucket, clock = Bucket(), count()

    def now() -> float:
        return next(clock) * seconds

    saved = answers.saved_as_they_come(bucket.client, URI, [], iter(GIVEN), now=now)
    assert saved == kept(bucket) == GIVEN
    assert bucket.puts["answers.jsonl"] <= writes


def test_whatever_ends_the_asking_leaves_what_came_beside_what_was_there() -> None:
    bucket = Bucket()

    def broken() -> Iterator[Answer]:
        yield GIVEN[1]
        raise RuntimeError("out of time")

    with pytest.raises(RuntimeError, match="out of time"):
        answers.saved_as_they_come(bucket.client, URI, GIVEN[:1], broken(), now=lambda: 0.0)
    assert kept(bucket) == GIVEN[:2]


def test_nothing_is_written_when_nothing_new_comes() -> None:
    bucket = Bucket()
    assert answers.saved_as_they_come(bucket.client, URI, GIVEN, iter(()), now=lambda: 0.0) == GIVEN
    assert not bucket.puts
