"""A shard: every contestant asked the same way, nothing asked twice, nothing lost to a crash or to time."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from finetune.aws import answers
from finetune.aws.inference import RESERVE_SECONDS, evaluate_shard
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE
from finetune.domain.json_lines import from_jsonl, to_jsonl
from finetune.errors import AccessRefused, BudgetReached, EvaluationUnfinished
from finetune.parts import Endpoint
from finetune.run import Ceilings
from tests.evaluating import BASE, ENDPOINT, Bucket, Model, items, refusal, reply, run, shard
from tools.project import definition

HOUR = 3_600.0


def plain(_: dict[str, Any]) -> dict[str, Any]:
    return reply("Within 30 days.")


def kept(bucket: Bucket, contestant: str, run_id: str = "20261121-112233-0a1b2c3d") -> dict[str, Answer]:
    data = bucket.objects.get(f"artifacts/runs/shop/{run_id}/answers/{contestant}/000.jsonl", b"")
    return {answer.id: answer for answer in from_jsonl(data, Answer)}


def test_every_contestant_is_asked_every_item_at_temperature_0_with_the_items_own_system_prompt() -> None:
    bucket, model = Bucket(), Model(plain)
    done = evaluate_shard(
        model.client,
        bucket.client,
        shard(items(30, system="Be brief."), bucket, run("arn:old")),
        remaining=lambda: HOUR,
    )
    assert (done.asked, done.answered, done.reused) == (90, 90, 0)
    for model_id in (BASE, "arn:service", ENDPOINT.arn):
        assert sorted(model.asked(model_id)) == sorted(f"Question {number}?" for number in range(30))
    assert {request["inferenceConfig"]["temperature"] for request in model.requests} == {0}
    assert {request["system"][0]["text"] for request in model.requests} == {"Be brief."}
    assert kept(bucket, "candidate")["item-3"].latency_ms == 120


def test_a_shard_cut_short_keeps_its_answers_and_asks_only_for_the_rest() -> None:
    bucket, left = Bucket(), [10]

    def limited(request: dict[str, Any]) -> dict[str, Any]:
        left[0] -= 1
        return plain(request)

    asked = shard(items(30), bucket, run())
    with pytest.raises(EvaluationUnfinished, match=r"Shard 0: base still has \d+ items to answer"):
        evaluate_shard(
            Model(limited).client,
            bucket.client,
            asked,
            remaining=lambda: RESERVE_SECONDS + (HOUR if left[0] > 0 else -1),
        )
    before = kept(bucket, "base")
    assert 10 <= len(before) < 30
    model = Model(plain)
    done = evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    assert done.answered == 60
    assert len(model.asked(BASE)) == 30 - len(before)


def test_a_crash_loses_nothing_that_was_saved_while_answers_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SAVE_SECONDS", 0)
    bucket, model = Bucket(), Model(plain)
    evaluate_shard(model.client, bucket.client, shard(items(20), bucket, run()), remaining=lambda: HOUR)
    assert bucket.puts["runs/shop/20261121-112233-0a1b2c3d/answers/base/000.jsonl"] == 20


def test_answers_are_saved_at_most_once_in_a_few_seconds() -> None:
    bucket, model = Bucket(), Model(plain)
    evaluate_shard(model.client, bucket.client, shard(items(200), bucket, run()), remaining=lambda: HOUR)
    assert bucket.puts["runs/shop/20261121-112233-0a1b2c3d/answers/base/000.jsonl"] < 5


def test_a_refused_item_is_kept_as_missing_and_the_others_are_answered() -> None:
    def refusing(request: dict[str, Any]) -> dict[str, Any]:
        if request["messages"][-1]["content"][0]["text"] == "Question 3?":
            raise refusal("ValidationException")
        return plain(request)

    bucket, model = Bucket(), Model(refusing)
    asked = shard(items(30), bucket, run())
    done = evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    assert (done.asked, done.answered) == (60, 58)
    assert kept(bucket, "base")["item-3"].error == "ValidationException"
    assert len(model.requests) == 60
    assert evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR).answered == 58
    assert len(model.requests) == 60


def test_a_role_without_permission_stops_the_shard_with_the_services_words() -> None:
    def denied(_: dict[str, Any]) -> dict[str, Any]:
        raise refusal("AccessDeniedException")

    bucket = Bucket()
    with pytest.raises(AccessRefused, match="While asking"):
        evaluate_shard(Model(denied).client, bucket.client, shard(items(3), bucket, run()), remaining=lambda: HOUR)


def test_base_and_champion_are_asked_once_for_all_runs_of_the_same_set() -> None:
    bucket, first, second = Bucket(), Model(plain), Model(plain)
    evaluate_shard(first.client, bucket.client, shard(items(30), bucket, run()), remaining=lambda: HOUR)
    later = shard(items(30), bucket, run("arn:model", run_id="20261122-112233-0a1b2c3d"), model_arn="arn:newer")
    done = evaluate_shard(second.client, bucket.client, later, remaining=lambda: HOUR)
    assert (done.answered, done.reused) == (90, 60)
    assert {request["modelId"] for request in second.requests} == {ENDPOINT.arn}
    reused = kept(bucket, "champion", "20261122-112233-0a1b2c3d")
    assert {answer.text for answer in reused.values()} == {answer.text for answer in kept(bucket, "candidate").values()}
    assert {answer.paid for answer in kept(bucket, "candidate").values()} == {True}
    assert {answer.paid for answer in reused.values()} == {False}


def test_what_the_endpoint_in_service_said_is_not_kept_for_other_runs_as_it_may_change_its_model() -> None:
    bucket, first, second = Bucket(), Model(plain), Model(plain)
    evaluate_shard(first.client, bucket.client, shard(items(30), bucket, run("arn:old")), remaining=lambda: HOUR)
    later = shard(items(30), bucket, run("arn:old", run_id="20261122-112233-0a1b2c3d"), model_arn="arn:newer")
    evaluate_shard(second.client, bucket.client, later, remaining=lambda: HOUR)
    assert (len(second.asked("arn:service")), len(second.asked(BASE))) == (30, 0)


@pytest.mark.parametrize(
    "changed",
    [{"reference": "Within 60 days."}, {"system": "Be brief."}, {"category": "returns"}],
    ids=["reference", "system", "category"],
)
def test_a_changed_evaluation_set_is_asked_anew(changed: dict[str, str]) -> None:
    bucket, model = Bucket(), Model(plain)
    evaluate_shard(model.client, bucket.client, shard(items(5), bucket, run()), remaining=lambda: HOUR)
    later = shard(items(5, **changed), bucket, run(run_id="20261122-112233-0a1b2c3d"))
    assert evaluate_shard(model.client, bucket.client, later, remaining=lambda: HOUR).reused == 0


def test_another_model_behind_the_same_endpoint_is_asked_anew() -> None:
    bucket, model = Bucket(), Model(plain)
    evaluate_shard(model.client, bucket.client, shard(items(5), bucket, run("arn:old")), remaining=lambda: HOUR)
    later = shard(items(5), bucket, run("arn:swapped", run_id="20261122-112233-0a1b2c3d"), model_arn="arn:newer")
    assert evaluate_shard(model.client, bucket.client, later, remaining=lambda: HOUR).reused == 5


def test_as_many_shards_share_a_quota_as_the_state_machine_runs_at_once() -> None:
    assert definition()["States"]["Evaluate Shards"]["MaxConcurrency"] == SHARDS_AT_ONCE


def test_of_an_incomplete_set_of_answers_a_later_run_asks_what_is_missing() -> None:
    def refusing(request: dict[str, Any]) -> dict[str, Any]:
        if request["messages"][-1]["content"][0]["text"] == "Question 3?":
            raise refusal("ValidationException")
        return plain(request)

    bucket, model = Bucket(), Model(plain)
    evaluate_shard(Model(refusing).client, bucket.client, shard(items(5), bucket, run()), remaining=lambda: HOUR)
    later = shard(items(5), bucket, run(run_id="20261122-112233-0a1b2c3d"))
    evaluate_shard(model.client, bucket.client, later, remaining=lambda: HOUR)
    assert model.asked(BASE) == ["Question 3?"]


@pytest.mark.parametrize(("covered", "rematches", "ends"), [(0, 0, True), (0, 1, False), (100_000, 1, True)])
def test_throughput_that_was_released_before_the_approval_does_not_end_a_rematch(
    covered: int, rematches: int, ends: bool
) -> None:
    bucket, late = Bucket(), datetime(2026, 11, 24, tzinfo=UTC)

    def dated(_: dict[str, Any]) -> dict[str, Any]:
        headers = {"date": format_datetime(late, usegmt=True)}
        return plain({}) | {"ResponseMetadata": {"HTTPHeaders": headers}}

    settings = {
        "deployment": "provisioned",
        "prices": {"provisioned_per_hour": 108},
        "budget": {"service_usd_per_month": covered},
    }
    ceilings = Ceilings(service_usd_per_month=1_000_000)
    planned = run("arn:old", settings).model_copy(update={"rematches": rematches, "ceilings": ceilings})
    asked = shard(items(3), bucket, planned)
    paid = Endpoint(kind="provisioned", name="endpoint", arn="arn:aws:bedrock:r:1:provisioned-model/x", until=late)
    asked = asked.model_copy(update={"endpoint": paid})
    before = [Answer(id=item.id, text="Within 30 days.") for item in items(3)]
    bucket.objects[answers.uri(planned, "candidate", 0).removeprefix("s3://")] = to_jsonl(before)
    model = Model(dated)
    if ends:
        with pytest.raises(BudgetReached):
            evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR)
    else:
        assert evaluate_shard(model.client, bucket.client, asked, remaining=lambda: HOUR).answered == 9
        assert sorted(model.asked("arn:service")) == [f"Question {number}?" for number in range(3)]
    assert model.asked(paid.arn) == []


def test_an_hour_in_which_the_base_model_says_nothing_is_not_kept_for_later_runs() -> None:
    bucket = Bucket()
    first, second = (run(run_id=f"2026112{day}-112233-0a1b2c3d") for day in (1, 2))
    silent = Model(lambda request: reply("" if request["modelId"] == BASE else "Within 30 days."))
    evaluate_shard(silent.client, bucket.client, shard(items(25), bucket, first), remaining=lambda: HOUR)
    model = Model(plain)
    done = evaluate_shard(model.client, bucket.client, shard(items(25), bucket, second), remaining=lambda: HOUR)
    assert len(model.asked(BASE)) == 25
    assert {answer.text for answer in kept(bucket, "base", second.run_id).values()} == {"Within 30 days."}
    assert done.reused == 25  # the custom model's


@pytest.mark.parametrize("stop_reason", ["max_tokens", "content_filtered", "malformed_model_output"])
def test_of_an_earlier_run_only_answers_that_ended_well_are_used_and_the_others_asked_again(stop_reason: str) -> None:
    bucket = Bucket()

    def half(request: dict[str, Any]) -> dict[str, Any]:
        number = int(request["messages"][0]["content"][0]["text"].split()[1].rstrip("?"))
        return reply("Within 30 days.", stop_reason if number % 2 else "end_turn")

    for day, answer in ((1, half), (2, plain)):
        model, planned = Model(answer), run(run_id=f"2026112{day}-112233-0a1b2c3d")
        evaluate_shard(model.client, bucket.client, shard(items(20), bucket, planned), remaining=lambda: HOUR)
    assert sorted(model.asked(BASE)) == sorted(f"Question {number}?" for number in range(1, 20, 2))
    third, nobody = run(run_id="20261123-112233-0a1b2c3d"), Model(plain)
    evaluate_shard(nobody.client, bucket.client, shard(items(20), bucket, third), remaining=lambda: HOUR)
    assert nobody.asked(BASE) == []


def test_every_contestant_may_answer_twice_as_long_as_the_reference() -> None:
    bucket, model = Bucket(), Model(plain)
    long = items(20, reference="Step 1: check part 3 and note value 7 in the book of the shop. " * 120)
    evaluate_shard(model.client, bucket.client, shard(long, bucket, run()), remaining=lambda: HOUR)
    [bound] = {request["inferenceConfig"]["maxTokens"] for request in model.requests}
    assert bound > 3600


def test_the_settings_say_how_every_contestant_is_asked() -> None:
    bucket, model = Bucket(), Model(plain)
    chosen = {"inference": {"temperature": 0.4, "top_p": 0.9, "max_tokens": 77}}
    evaluate_shard(model.client, bucket.client, shard(items(20), bucket, run(settings=chosen)), remaining=lambda: HOUR)
    assert all(
        request["inferenceConfig"] == {"temperature": 0.4, "topP": 0.9, "maxTokens": 77} for request in model.requests
    )
