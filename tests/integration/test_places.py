"""No more runs train than can be evaluated: each takes a place for its endpoint before its job."""

from __future__ import annotations

from typing import Any, cast

import pytest

from finetune.aws import places
from finetune.aws.tags import tags_of
from finetune.domain.catalog import base_model
from finetune.errors import QuotaExceeded
from finetune.run import Champion, Run
from local.bedrock import deployments, throughput
from tests import evaluating
from tests.integration.fakes import NOVA, STACK, Stack

LLAMA = "meta.llama3-1-8b-instruct-v1:0:128k"


@pytest.fixture(autouse=True)
def _three_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments, "MOST", 3)


def taking(stack: Stack, **instead: Any) -> places.Taking:
    by = {"bedrock": stack.emulator.control, "quotas": stack.emulator.quotas, "s3": stack.s3, "stack": STACK}
    return places.Taking(**{**by, "stepfunctions": cast("Any", stack.executions), **instead})


def going(stack: Stack) -> Run:
    run = stack.run(champion=False)
    stack.executions.statuses[run.execution_arn] = "RUNNING"
    return run


def take(stack: Stack, run: Run) -> None:
    places.take(taking(stack), run, "on_demand")


def test_runs_that_are_going_take_all_places_and_the_next_one_waits_until_one_has_ended(stack: Stack) -> None:
    first, *others = [going(stack) for _ in range(4)]
    for run in (first, *others[:2]):
        take(stack, run)
        take(stack, run)
    with pytest.raises(QuotaExceeded, match="The account may have 3: 3 going runs need one each"):
        take(stack, others[2])
    stack.executions.statuses[first.execution_arn] = "FAILED"
    take(stack, others[2])
    with pytest.raises(QuotaExceeded):
        take(stack, going(stack))
    assert len([key for key in stack.bucket.objects if key.startswith("places/")]) == 3


def test_a_run_s_own_endpoint_is_its_place_and_one_in_service_is_taken_for_good(stack: Stack) -> None:
    run = going(stack)
    take(stack, run)
    stack.open(run.endpoint_name, stack.emulator.add_model("m", NOVA), "on_demand", tags_of(run, STACK))
    for other in (going(stack), going(stack)):
        take(stack, other)
    stack.executions.statuses[run.execution_arn] = "SUCCEEDED"
    told = r"may have 3: 1 is in use \(1 by project shop\), and 2 going runs need one each"
    with pytest.raises(QuotaExceeded, match=told) as refused:
        take(stack, going(stack))
    assert "Service Quotas, under Amazon Bedrock: '(Model customization) Custom model deployments per account'" in str(
        refused.value
    )


def test_two_runs_that_count_at_once_do_not_both_take_the_last_place(stack: Stack) -> None:
    for _ in range(2):
        take(stack, going(stack))
    one, other = going(stack), going(stack)
    original = stack.bucket.put_object

    def first_the_other(**asked: Any) -> None:
        stack.bucket.put_object = original  # type: ignore[method-assign]  # once
        take(stack, other)
        original(**asked)

    stack.bucket.put_object = first_the_other  # type: ignore[method-assign]  # a race
    with pytest.raises(QuotaExceeded):
        take(stack, one)


def test_where_the_quota_is_not_known_nobody_is_refused(stack: Stack) -> None:
    unknown = cast("Any", None)

    class Silent:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: str) -> list[Any]:
            return []

    for _ in range(5):
        places.take(taking(stack, quotas=Silent(), stepfunctions=unknown), going(stack), "on_demand")
    assert not [key for key in stack.bucket.objects if key.startswith("places/")]


def test_a_run_needs_what_it_evaluates_on_and_what_serves_it_unless_the_project_has_that(stack: Stack) -> None:
    row = base_model(NOVA)
    run = stack.run(champion=False)
    assert places.kinds_needed(run, row) == ("on_demand",)
    served = stack.run(champion=False, deployment="provisioned")
    assert places.kinds_needed(served, row) == ("on_demand", "provisioned")
    arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl"
    has = served.model_copy(update={"champion": Champion(endpoint_arn=arn, model_arn="m", run_id="r")})
    assert places.kinds_needed(has, row) == ("on_demand",)
    assert places.kinds_needed(run, base_model(LLAMA)) == ("provisioned",)


def test_a_run_takes_as_many_places_as_its_throughput_has_model_units(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "MOST_UNITS", 5)

    def of_units(units: int) -> Run:
        run = stack.run(champion=False, deployment="provisioned", model_units=units)
        stack.executions.statuses[run.execution_arn] = "RUNNING"
        return run

    first = of_units(3)
    places.take(taking(stack), first, "provisioned")
    with pytest.raises(QuotaExceeded, match=r"^3 model units at once are not free .* 1 going run need 3 together"):
        places.take(taking(stack), of_units(3), "provisioned")
    places.take(taking(stack), of_units(2), "provisioned")
    model = stack.emulator.add_model("m", NOVA)
    stack.emulator.control.create_provisioned_model_throughput(
        provisionedModelName=first.endpoint_name,
        modelId=model,
        modelUnits=3,
        tags=tags_of(first, STACK),  # type: ignore[arg-type]  # tags
    )
    stack.executions.statuses[first.execution_arn] = "SUCCEEDED"
    with pytest.raises(QuotaExceeded, match=r"may have 5: 3 are in use \(3 by project shop\)"):
        places.take(taking(stack), of_units(1), "provisioned")


def test_a_run_whose_project_serves_with_fewer_model_units_needs_them_all_anew() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl"
    serves = Champion(endpoint_arn=arn, model_arn="m", run_id="r", units=2)
    for units, needed in ((2, ("on_demand",)), (3, ("on_demand", "provisioned"))):
        asking = evaluating.run(settings={"deployment": "provisioned", "model_units": units})
        found = places.kinds_needed(asking.model_copy(update={"champion": serves}), base_model(NOVA))
        assert found == needed
