"""What an evaluation may spend: leases that the rest of the budget pays for, and answers within what is left."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from finetune.aws import answers
from finetune.aws.allowance import evaluation_leases, limit_name, limit_of
from finetune.aws.inference import evaluate_shard
from finetune.contracts import EvaluateShardInput
from finetune.domain.catalog import base_model
from finetune.domain.evaluation import expense
from finetune.domain.evaluation.answers import Answer
from finetune.errors import BudgetReached
from finetune.run import Champion
from tests.evaluating import BASE, Bucket, Model, items, refusal, reply, run, shard

HOUR = 3_600.0
LLAMA = "meta.llama3-2-1b-instruct-v1:0:128k"
LITE = "amazon.nova-lite-v1:0:300k"
SPENT = "artifacts/runs/shop/20261121-112233-0a1b2c3d/answers/spent/000.json"
END = datetime(2026, 11, 21, 14, tzinfo=UTC)


def asking(bucket: Bucket, *, rest: float = 0.0, count: int = 20, **more: Any) -> EvaluateShardInput:
    """A shard of a run whose limit leaves so many times more than its answers may cost."""
    request = shard(items(count), bucket, run(settings=more))
    taken = expense.asked(items(count), ("base", "candidate"), (), base_model("amazon.nova-micro-v1:0:128k"))
    most = (taken.prompts.most * 0.000035 + taken.answers.most * 0.00014) / 1000
    limit = request.run.settings.budget.limit_usd
    prepared = request.prepared.model_copy(update={"most_usd": limit - rest * most, "answers_usd": most})
    return request.model_copy(update={"prepared": prepared})


def said(tokens: int) -> Any:
    """An answer of so many tokens."""

    def answer(_: Any) -> dict[str, Any]:
        return reply("yes") | {"usage": {"inputTokens": 10, "outputTokens": tokens, "totalTokens": tokens + 10}}

    return answer


def test_answers_of_the_longest_kind_are_all_paid_for_and_longer_ones_end_the_evaluation() -> None:
    bucket = Bucket()
    done = evaluate_shard(Model(said(1024)).client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    assert (done.answered, json.loads(bucket.objects[SPENT])) == (40, pytest.approx(0))
    bucket, model = Bucket(), Model(said(4096))
    with pytest.raises(BudgetReached, match="one more could exceed"):
        evaluate_shard(model.client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    assert 8 <= len(model.requests) <= 10


def test_what_the_limit_leaves_beside_the_estimate_may_be_spent_too() -> None:
    bucket = Bucket()
    done = evaluate_shard(Model(said(2048)).client, bucket.client, asking(bucket, rest=1.1), remaining=lambda: HOUR)
    assert done.answered == 40


def test_what_comparisons_with_earlier_champions_have_cost_is_spent_after_a_rematch() -> None:
    champion = Champion(endpoint_arn="arn:champion", model_arn="arn:m", run_id="r")

    def rematch(*, before: int) -> int:
        bucket = Bucket()
        request = asking(bucket, rest=1.1)
        run = request.run.model_copy(update={"champion": champion, "rematches": 1})
        request = request.model_copy(update={"run": run})
        answered = [
            Answer(id=item.id, text="yes", input_tokens=10, output_tokens=before, paid=True) for item in items(20)
        ]
        answers.save(bucket.client, run.uri("answers/champion/000.jsonl"), answered)
        done = evaluate_shard(Model(said(1024)).client, bucket.client, request, remaining=lambda: HOUR)
        return done.answered

    assert rematch(before=100) == 60
    with pytest.raises(BudgetReached):
        rematch(before=4096)


def test_a_share_of_the_month_bounds_a_run_as_its_limit_does() -> None:
    asked = asking(Bucket(), rest=1.1)
    most = asked.prepared.most_usd
    for share, bound in ((most, most), (1_000.0, asked.run.settings.budget.limit_usd)):
        prepared = asked.prepared.model_copy(update={"limit_usd": share})
        assert limit_of(asked.run, prepared) == bound
        named = "the run's share of budget.project_usd_per_month" if share == bound else "budget.limit_usd"
        assert limit_name(asked.run, prepared) == named
    bucket = Bucket()
    request = asking(bucket, rest=1.1)
    request = request.model_copy(update={"prepared": request.prepared.model_copy(update={"limit_usd": most})})
    with pytest.raises(BudgetReached):
        evaluate_shard(Model(said(2048)).client, bucket.client, request, remaining=lambda: HOUR)


def test_a_request_without_a_reply_may_have_been_billed_and_counts_until_the_end() -> None:
    bucket, lost = Bucket(), 30

    def losing(request: Any) -> dict[str, Any]:
        nonlocal lost
        lost -= 1
        if lost >= 0:
            raise ReadTimeoutError(endpoint_url="bedrock")
        return dict(said(500)(request))

    with pytest.raises(BudgetReached):
        evaluate_shard(Model(losing).client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    again = Model(said(500))
    with pytest.raises(BudgetReached):
        evaluate_shard(again.client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    assert len(again.requests) < 20


def test_a_refusal_costs_nothing() -> None:
    bucket, refused = Bucket(), 100

    def busy(request: Any) -> dict[str, Any]:
        nonlocal refused
        refused -= 1
        if refused >= 0 and refused % 2:
            raise refusal("ThrottlingException")
        return dict(said(1024)(request))

    done = evaluate_shard(Model(busy).client, bucket.client, asking(bucket, count=4), remaining=lambda: HOUR)
    assert done.answered == 8


def test_of_a_function_that_died_all_that_it_could_have_asked_counts_as_spent() -> None:
    class Died(BaseException):
        pass

    class Dying(Bucket):
        alive = True

        def put_object(self, **given: Any) -> None:
            if not self.alive:
                raise Died
            super().put_object(**given)

    bucket, model = Dying(), Model(said(1024))

    def dies(request: Any) -> dict[str, Any]:
        bucket.alive = len(model.requests) < 5
        return dict(said(1024)(request))

    model.answer = dies
    with pytest.raises(Died):
        evaluate_shard(model.client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    bucket.alive = True
    with pytest.raises(BudgetReached):
        evaluate_shard(Model(said(1024)).client, bucket.client, asking(bucket), remaining=lambda: HOUR)
    done = evaluate_shard(Model(said(1024)).client, bucket.client, asking(bucket, rest=2), remaining=lambda: HOUR)
    assert done.answered == 40


def test_an_evaluation_ends_when_the_hours_that_are_paid_for_are_over_by_the_service_s_clock() -> None:
    bucket, now = Bucket(), [END - timedelta(minutes=10)]

    def slow(request: Any) -> dict[str, Any]:
        now[0] += timedelta(minutes=1)
        date = {"ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now[0], usegmt=True)}}}
        return {**said(10)(request), **date}

    request, model = asking(bucket), Model(slow)
    endpoint = request.endpoint.model_copy(update={"kind": "provisioned", "until": END})
    request = request.model_copy(update={"endpoint": endpoint})
    with pytest.raises(BudgetReached, match=r"At 2026-11-21 14:00 UTC the evaluation had not ended"):
        evaluate_shard(model.client, bucket.client, request, remaining=lambda: HOUR)
    assert len(model.asked(BASE)) <= 10 + 8


@pytest.mark.parametrize(("most", "kinds"), [(33.71, ["on_demand"]), (33.7, ["on_demand", "provisioned"])])
def test_the_quota_s_way_out_is_paid_from_what_is_left_of_the_limit(most: float, kinds: list[str]) -> None:
    request = asking(Bucket(), base_model=LITE, budget={"limit_usd": 250})
    prepared = request.prepared.model_copy(update={"most_usd": most, "throughput_hours": 2})
    leases = evaluation_leases(request.run, prepared)
    assert list(leases) == kinds
    unknown = prepared.model_copy(update={"most_usd": None})
    assert list(evaluation_leases(request.run, unknown)) == ["on_demand"]


def test_throughput_that_the_estimate_has_already_is_not_paid_for_twice() -> None:
    settings: dict[str, Any] = {"prices": {"provisioned_per_hour": 20}, "base_model": LLAMA}
    request = asking(Bucket(), **settings, budget={"limit_usd": 70})
    prepared = request.prepared.model_copy(update={"most_usd": 50.0, "throughput_hours": 2})
    assert evaluation_leases(request.run, prepared) == {"provisioned": timedelta(hours=2.5)}


def test_each_model_unit_of_throughput_has_to_be_paid_for() -> None:
    settings: dict[str, Any] = {
        "prices": {"provisioned_per_hour": 20},
        "base_model": LLAMA,
        "deployment": "provisioned",
    }
    for units, hours in ((1, 3.5), (2, 1.5), (3, None)):
        request = asking(Bucket(), **settings, model_units=units, budget={"limit_usd": 80})
        prepared = request.prepared.model_copy(update={"most_usd": 0.0 + 40 * units, "throughput_hours": 2})
        wanted = {"provisioned": timedelta(hours=hours)} if hours else {}
        assert evaluation_leases(request.run, prepared) == wanted
