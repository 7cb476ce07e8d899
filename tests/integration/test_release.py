"""Releasing and sweeping: every part is tried although one fails, and nothing is deleted on a guess."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ClientError

from finetune.aws import endpoints, release
from finetune.aws.release import Attempts, Sweep
from finetune.contracts import Candidate, Endpoint, Run, SelectModelOutput
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import LEASES, RUN_BOUND
from finetune.errors import AccessRefused, EndpointBusy, ServiceBusy
from tests.integration.fakes import SLUG, STACK, MemoryBucket, MemoryExecutions, MemorySsm, Stack

LEASE = "2026-11-21T18:00:00Z"


def sweep(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, ssm: Any = None) -> tuple[Sweep, Attempts]:
    swept = Sweep(
        stack.emulator.control,
        ssm or stack.ssm,
        cast("Any", bucket),
        cast("Any", executions),
        stack=STACK,
        bucket="artifacts",
    )
    attempts = Attempts()
    swept.endpoints(attempts)
    return swept, attempts


def opened(stack: Stack, name: str, run: str, lease: str = LEASE, owner: str = STACK) -> Endpoint:
    """An endpoint of a run, ready."""
    model = stack.emulator.add_model(f"model-{name}", "amazon.nova-micro-v1:0:128k")
    tags = {"finetune-stack": owner, "finetune-project": SLUG, "finetune-run": run, "finetune-lease-until": lease}
    return stack.open(name, model, "on_demand", [{"key": key, "value": value} for key, value in tags.items()])


def claimed(bucket: MemoryBucket, executions: MemoryExecutions, run: str, status: str) -> None:
    bucket.objects[f"runs/{SLUG}/{run}/run.json"] = (orjson.dumps({"execution_arn": run}), bucket.now)
    executions.statuses[run] = status


def test_an_endpoint_lives_as_long_as_its_run_and_its_lease(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "going", "RUNNING")
    claimed(bucket, executions, "over", "ABORTED")
    kept = opened(stack, "going", "going")
    gone = {opened(stack, name, name).arn for name in ("over", "unclaimed")}
    gone.add(opened(stack, "late", "going", lease="2026-11-21T12:00:00Z").arn)
    swept, attempts = sweep(stack, bucket, executions)
    attempts.conclude()
    assert (set(swept.released), swept.checked, stack.open_arns()) == (gone, 4, {kept.arn})


def evaluating(stack: Stack, kind: Deployment) -> tuple[Run, Endpoint]:
    """A run with the endpoint that it opened to evaluate its model."""
    run = stack.run()
    arn = stack.emulator.add_model(f"{run.endpoint_name}-c1", "amazon.nova-micro-v1:0:128k")
    model = SelectModelOutput(outcome="trained", reason="", model_arn=arn)
    return run, endpoints.open_endpoint(stack.emulator.control, run, model, (kind,), stack=STACK)


@pytest.mark.parametrize(("kind", "kept"), [("on_demand", True), ("provisioned", False)])
def test_a_slow_evaluation_keeps_what_costs_nothing_idle_and_a_forgotten_endpoint_goes_at_once(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, kind: Deployment, kept: bool
) -> None:
    run, endpoint = evaluating(stack, kind)
    claimed(bucket, executions, run.run_id, "RUNNING")
    # 2,000 questions to three contestants at four a minute.
    stack.clock.advance(2_000 * 3 / 4)
    assert sweep(stack, bucket, executions)[0].released == ([] if kept else [endpoint.arn])
    forgotten, second = evaluating(stack, kind)
    claimed(bucket, executions, forgotten.run_id, "ABORTED")
    stack.clock.advance(30)
    assert sweep(stack, bucket, executions)[0].released == [second.arn]


@pytest.mark.parametrize("kind", LEASES)
def test_no_endpoint_outlives_the_longest_run_even_if_its_execution_seems_to_go_on(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, kind: Deployment
) -> None:
    run, endpoint = evaluating(stack, kind)
    claimed(bucket, executions, run.run_id, "RUNNING")
    stack.clock.advance(RUN_BOUND.total_seconds() / 60)
    assert sweep(stack, bucket, executions)[0].released == [endpoint.arn]


@pytest.mark.parametrize("owner", ["another", ""])
def test_an_endpoint_of_another_stack_is_none_of_the_sweeper_s_business(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, owner: str
) -> None:
    opened(stack, "foreign", "run", lease="", owner=owner)
    swept, _ = sweep(stack, bucket, executions)
    assert (swept.released, swept.checked, len(stack.open_arns())) == ([], 0, 1)


def test_one_endpoint_that_cannot_be_deleted_does_not_save_the_others_and_is_reported(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    for name in ("one", "two", "three"):
        opened(stack, name, name)
    stack.emulator.admin.inject("deny-delete-deployment@2")
    swept, attempts = sweep(stack, bucket, executions)
    assert len(swept.released) == 2
    with pytest.raises(AccessRefused):
        attempts.conclude()


def test_an_endpoint_in_creating_is_left_for_the_next_sweep(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    stack.emulator.admin.inject("endpoint-never-ready=1")
    opened(stack, "young", "run")
    swept, attempts = sweep(stack, bucket, executions)
    attempts.conclude()
    assert swept.released == []
    stack.clock.advance(31)
    assert len(sweep(stack, bucket, executions)[0].released) == 1


def test_nothing_is_deleted_while_what_is_in_service_cannot_be_read(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    opened(stack, "one", "run")

    class Unreadable(MemorySsm):
        def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - SSM's own names
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": Name}}, "GetParameter")

    swept, attempts = sweep(stack, bucket, executions, ssm=Unreadable())
    assert swept.released == []
    with pytest.raises(ServiceBusy):
        attempts.conclude()


def test_a_job_that_cannot_be_stopped_does_not_keep_the_endpoint_open(stack: Stack) -> None:
    run = stack.run().model_copy(update={"candidates": (Candidate(index=1, name="job", hyperparameters={}),)})
    opened(stack, run.endpoint_name, run.run_id)
    stack.emulator.admin.inject("deny-get-job")
    with pytest.raises(AccessRefused):
        release.release_run(stack.emulator.control, stack.ssm, run, stack=STACK)
    assert stack.open_arns() == set()


def test_of_several_failures_the_one_that_waiting_does_not_mend_is_raised() -> None:
    attempts = Attempts()
    for error in (EndpointBusy("wait"), AccessRefused("act"), EndpointBusy("wait")):
        with attempts.one():
            raise error
    with pytest.raises(AccessRefused):
        attempts.conclude()
