"""Looks at an evaluation set are numbered by writes that happen once, whoever writes at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from finetune.aws.datasets import evidence_of
from finetune.aws.looks import foreseen, written_down
from finetune.aws.verdict import judge_evaluation
from finetune.contracts import EvaluateShardOutput, JudgeEvaluationOutput
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import Turn
from finetune.domain.evaluation.looks import Look, look_at
from finetune.domain.json_lines import to_jsonl
from finetune.errors import FineTuneError
from finetune.run import Run
from finetune.settings import Settings
from tests.evaluating import Bucket, items, judgement, refusal, run, shard

ASKED = items(60)


class Once(Bucket):
    """A bucket that heeds conditions; `before_put` is what others do just before a write."""

    before_put: Iterator[Callable[[], object]] = iter(())

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **more: object) -> None:  # noqa: N803 - S3's own names
        next(self.before_put, lambda: None)()
        if "IfNoneMatch" in more and f"{Bucket}/{Key}" in self.objects:
            raise refusal("PreconditionFailed", "PutObject")
        super().put_object(Bucket=Bucket, Key=Key, Body=Body)


def look(model: str) -> Look:
    return look_at(ASKED, model=model, metric="token_f1")


def entries(bucket: Bucket, slug: str = "shop") -> list[Any]:
    return [json.loads(bucket.objects[key]) for key in sorted(bucket.objects) if f"/looks/{slug}/" in key]


def test_two_runs_at_once_are_two_looks() -> None:
    bucket, told = Once(), dict[str, int]()
    bucket.before_put = iter([lambda: told.update(other=written_down(bucket.client, run(), look("other")))])
    told["own"] = written_down(bucket.client, run(), look("own"))
    assert told == {"other": 1, "own": 2}
    assert [each["model"] for each in entries(bucket)] == ["other", "own"]


def test_the_same_model_at_once_is_one_look() -> None:
    bucket = Once()
    bucket.before_put = iter([lambda: written_down(bucket.client, run(), look("same"))])
    assert written_down(bucket.client, run(run_id="20261122-112233-0a1b2c3d"), look("same")) == 1
    assert len(entries(bucket)) == 1


def test_a_look_keeps_its_number_however_often_it_is_taken_again() -> None:
    bucket = Once()
    for _ in range(2):
        assert [written_down(bucket.client, run(), look(model)) for model in "abc"] == [1, 2, 3]
    assert len(entries(bucket)) == 3


def test_what_a_later_release_adds_to_a_look_is_passed_over() -> None:
    bucket = Once()
    written_down(bucket.client, run(), look("a"))
    key = next(key for key in bucket.objects if "/looks/" in key)
    bucket.objects[key] = json.dumps(json.loads(bucket.objects[key]) | {"later": 1}).encode()
    assert written_down(bucket.client, run(), look("b")) == 2


def judged(bucket: Bucket, planned: Run, model: str, better: int = 60, **more: Any) -> JudgeEvaluationOutput:
    """The verdict on a model that answers `better` of the items, of which the base model answers none."""
    for name, right in (("base", 0), ("candidate", better), ("champion", 0)):
        given = [
            Answer(id=one.id, text="Within 30 days." if number < right else "No idea.", stop_reason="end_turn")
            for number, one in enumerate(ASKED)
        ]
        again = f"-{planned.rematches + 1}" if planned.rematches and name == "champion" else ""
        bucket.objects[f"artifacts/runs/shop/{planned.run_id}/answers/{name}{again}/000.jsonl"] = to_jsonl(given)
    asked = judgement(
        shard(ASKED, bucket, planned, model),
        shards=(EvaluateShardOutput(index=0, asked=60, answered=60, reused=0),),
        **more,
    )
    return judge_evaluation(bucket.client, asked)


def told(output: JudgeEvaluationOutput) -> str:
    return output.notes[-1]


def test_a_redriven_a_resumed_and_a_rematched_run_look_once_and_another_model_again() -> None:
    bucket, first = Once(), run()
    resumed = run("arn:champion", run_id="20261122-112233-0a1b2c3d")
    for planned in (first, first, resumed, resumed.model_copy(update={"rematches": 1})):
        assert "This was look 1 at" in told(judged(bucket, planned, "arn:model"))
    assert len(entries(bucket)) == 1
    assert "This was look 2 at" in told(judged(bucket, run(run_id="20261123-112233-0a1b2c3d"), "arn:another"))


def test_a_gain_that_is_enough_at_first_is_not_at_a_later_look() -> None:
    """Five of five changed items: p is 1.6 %, between the levels of the first look and the second."""
    bucket = Once()
    assert judged(bucket, run(), "arn:first", better=5).decision == "promote"
    later = judged(bucket, run(), "arn:second", better=5)
    assert later.decision == "do_not_promote"
    assert "98.3% interval" in later.reason
    assert "0.85% instead of 2.5%" in told(later)


def test_a_look_that_cannot_be_written_down_gives_no_verdict() -> None:
    def refuse() -> None:
        raise refusal("InternalError", "PutObject")

    bucket = Once()
    bucket.before_put = iter([refuse])
    with pytest.raises(FineTuneError):
        judged(bucket, run(), "arn:model")
    assert not bucket.puts


def test_a_look_whose_verdict_was_lost_is_paid_for() -> None:
    def refuse() -> None:
        raise refusal("InternalError", "PutObject")

    bucket = Once()
    bucket.before_put = iter([lambda: None, refuse])
    with pytest.raises(FineTuneError):
        judged(bucket, run(), "arn:lost")
    assert "This was look 2 at" in told(judged(bucket, run(), "arn:model"))


def test_which_look_the_next_one_will_be_is_known_before_it_is_taken() -> None:
    bucket = Once()
    assert foreseen(bucket.client, run(), ASKED) == 1
    for model in "ab":
        written_down(bucket.client, run(), look(model))
    assert foreseen(bucket.client, run(), ASKED) == 3
    others = [item.model_copy(update={"messages": (Turn(role="user", text=f"New {item.id}?"),)}) for item in ASKED]
    assert foreseen(bucket.client, run(), others) == 1
    assert len(entries(bucket)) == 2


def test_what_a_used_set_can_show_is_foreseen_at_the_level_of_its_next_look() -> None:
    first, fifth = (evidence_of(Settings(), look=number).gates.confidence for number in (1, 5))
    assert (first, fifth) == (0.95, Gates().at(5).confidence)
    assert fifth > first
