"""A whole evaluation with a judge: what it says is kept, counted, and can only object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finetune.aws.inference import evaluate_shard
from finetune.aws.llm_judge import judged
from finetune.aws.verdict import judge_evaluation
from finetune.contracts import EvaluateShardInput
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import JudgeSettings
from finetune.domain.evaluation.llm_judge import CRITERIA, request
from finetune.errors import EvaluationUnfinished
from tests.evaluating import (
    BASE,
    ENDPOINT,
    Bucket,
    Model,
    calls_tool,
    items,
    judgement,
    numbers,
    refusal,
    reply,
    run,
    shard,
    shown,
)

JUDGE = "amazon.nova-pro-v1:0"
SETTINGS = JudgeSettings(model=JUDGE)
HOUR = 3_600.0


def said(text: str) -> dict[str, Answer]:
    return {item.id: Answer(id=item.id, text=text, stop_reason="end_turn") for item in items(40)}


@pytest.mark.parametrize(
    ("given", "before"),
    [({"base": "base"}, "base"), ({"base": "base", "champion": "in service"}, "in service")],
    ids=["the base model", "the model in service"],
)
def test_the_candidate_is_compared_with_what_it_would_replace_in_both_orders(
    given: dict[str, str], before: str
) -> None:
    answers = {name: said(text) for name, text in (given | {"candidate": "new"}).items()}
    pairs = judged(run(settings={"judge": {"model": JUDGE}}), items(40), items(1), answers)
    asked = [request(pair, SETTINGS, "b0ba") for pair in pairs]
    assert [(shown(each, "answer 1"), shown(each, "answer 2")) for each in asked] == [(before, "new"), ("new", before)]


def test_of_a_large_set_as_many_items_are_judged_as_asked_for_whatever_the_shards() -> None:
    answers = {name: said(name) for name in ("base", "candidate")}
    planned, every = run(settings={"judge": {"model": JUDGE, "items": 10}}), items(40)
    shards = [judged(planned, every, every[first : first + 25], answers) for first in (0, 25)]
    assert len({pair.item.id for pairs in shards for pair in pairs}) == 10
    assert judged(run(), every, every, answers) == ()


def evaluated(
    judge: Any, candidate: str = "Within 30 days.", base: str = "I do not know."
) -> tuple[Bucket, Model, EvaluateShardInput]:
    """A shard of 40 items after all calls; `judge` answers a request to the judge."""
    bucket = Bucket()

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["modelId"] == JUDGE:
            return dict(judge(asked))
        return reply(candidate if asked["modelId"] == ENDPOINT.arn else base)

    model = Model(answer)
    asked = shard(items(40), bucket, run(settings={"judge": {"model": JUDGE}}))
    evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    return bucket, model, asked


def verdict(bucket: Bucket, asked: EvaluateShardInput) -> tuple[Any, dict[str, Any]]:
    done = {"index": 0, "asked": 80, "answered": 80, "reused": 0}
    output = judge_evaluation(bucket.client, judgement(asked, shards=(done,)))
    return output, json.loads(bucket.objects["artifacts/runs/shop/20261121-112233-0a1b2c3d/evaluation.json"])


def prefers(answer: str) -> Any:
    """A judge that gives an answer's text 5 and the other one 2, wherever it stands."""
    return lambda asked: calls_tool(*(numbers(5 if shown(asked, f"answer {n}") == answer else 2) for n in (1, 2)))


def test_a_judge_that_agrees_changes_nothing_and_is_reported_with_its_price() -> None:
    bucket, model, asked = evaluated(prefers("Within 30 days."))
    output, evaluation = verdict(bucket, asked)
    assert output.decision == "promote"
    assert (evaluation["judge"]["asked"], evaluation["judge"]["judged"], evaluation["judge"]["consistent"]) == (
        40,
        40,
        1.0,
    )
    assert evaluation["judge"]["criteria"]["candidate"] == dict.fromkeys(CRITERIA, 5.0)
    assert evaluation["judge"]["usd"] == pytest.approx(80 * (10 * 0.0008 + 5 * 0.0032) / 1000)
    page = bucket.objects["artifacts/runs/shop/20261121-112233-0a1b2c3d/report.html"].decode()
    assert "What the judge says" in page
    assert "Price of 1,000 calls" in page
    assert len(model.asked(JUDGE)) == 80
    assert len(set(model.asked(JUDGE))) == 80


def test_a_judge_can_object() -> None:
    bucket, _, asked = evaluated(prefers("I do not know."))
    output, _ = verdict(bucket, asked)
    assert output.decision == "do_not_promote"
    assert "The judge's rating fell: 100.0% before, 25.0% now" in output.reason


def test_a_judge_cannot_promote_what_the_metric_does_not() -> None:
    bucket, _, asked = evaluated(prefers("I do not know."), candidate="I do not know.", base="Within 30 days.")
    assert verdict(bucket, asked)[0].decision == "do_not_promote"


def test_a_judge_that_only_likes_the_first_answer_has_no_influence() -> None:
    bucket, _, asked = evaluated(lambda _: calls_tool(numbers(5), numbers(1)))
    output, evaluation = verdict(bucket, asked)
    assert output.decision == "promote"
    assert evaluation["judge"]["consistent"] == 0.0


@pytest.mark.parametrize("broken", [reply("No."), refusal("ValidationException"), refusal("AccessDeniedException")])
def test_a_judge_that_says_nothing_leaves_the_run_inconclusive_and_scores_nobody_zero(broken: Any) -> None:
    def judge(_: dict[str, Any]) -> dict[str, Any]:
        if isinstance(broken, Exception):
            raise broken
        return dict(broken)

    bucket, model, asked = evaluated(judge)
    output, evaluation = verdict(bucket, asked)
    assert output.decision == "inconclusive"
    assert "The judge rated only 0 of 40 items" in output.reason
    denied = getattr(broken, "response", {}).get("Error", {}).get("Code") == "AccessDeniedException"
    assert (f"It may not be asked: While asking {JUDGE}: " in output.reason) is denied
    assert evaluation["judge"]["ratings"] == {}
    assert len(model.asked(JUDGE)) == (240 if isinstance(broken, dict) else 80)


def test_judging_goes_on_where_it_stopped() -> None:
    bucket, model, asked = evaluated(prefers("Within 30 days."))
    evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    assert len(model.asked(JUDGE)) == 80
    key = "artifacts/runs/shop/20261121-112233-0a1b2c3d/answers/judge/000.jsonl"
    bucket.objects[key] = b"\n".join(bucket.objects[key].split(b"\n")[:10]) + b"\n"
    evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    assert len(model.asked(JUDGE)) == 150
    assert len(model.asked(BASE)) == 40


def test_judging_that_runs_out_of_time_is_unfinished() -> None:
    bucket = Bucket()
    asked = shard(items(5), bucket, run(settings={"judge": {"model": JUDGE}}))
    model = Model(lambda _: reply("x"))
    with pytest.raises(EvaluationUnfinished):
        evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR if len(model.requests) < 10 else 44)


def test_without_a_judge_nobody_is_asked() -> None:
    bucket, model = Bucket(), Model(lambda _: reply("x"))
    evaluate_shard(model.client, bucket.client, shard(items(5), bucket, run()), remaining=lambda: HOUR)
    assert {asked["modelId"] for asked in model.requests} == {BASE, ENDPOINT.arn}
    assert not [key for key in bucket.objects if "/judge/" in key]


def test_the_verdict_says_from_how_many_calls_of_the_projects_own_tokens_throughput_pays() -> None:
    bucket, _, asked = evaluated(prefers("Within 30 days."))
    assert verdict(bucket, asked)[0].break_even == ""
    prices = {"provisioned_per_hour": 10, "input_per_1k_tokens": 0.001, "output_per_1k_tokens": 0.002}
    priced = run(settings={"judge": {"model": JUDGE}, "prices": prices})
    assert verdict(bucket, asked.model_copy(update={"run": priced}))[0].break_even == (
        "On demand 1,000 calls like those of the evaluation cost $0.02; throughput of $10.00 an hour pays from 500,000 "
        "calls an hour."
    )
