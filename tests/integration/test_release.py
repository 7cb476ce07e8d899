"""Releasing and sweeping: every part is tried although one fails, and nothing is deleted on a guess."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ClientError

from finetune.aws import endpoints, release
from finetune.aws.executions import IN_FLIGHT, all_of
from finetune.aws.release import Attempts, Sweep
from finetune.contracts import Candidate, Endpoint, Run, SelectModelOutput
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import LEASES, RUN_BOUND
from finetune.errors import AccessRefused, EndpointBusy, ParameterMissing, ServiceBusy
from tests.emulator import JOB_ROLE
from tests.integration.deployed import RECORDS
from tests.integration.fakes import SLUG, STACK, MemoryBucket, MemoryExecutions, MemorySsm, Stack

LEASE = "2026-11-21T18:00:00Z"


def sweeper(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, ssm: Any = None) -> Sweep:
    return Sweep(
        stack.emulator.control,
        ssm or stack.ssm,
        cast("Any", bucket),
        cast("Any", executions),
        stack=STACK,
        bucket="artifacts",
        known=all_of(cast("Any", executions), "machine"),
    )


def sweep(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, ssm: Any = None) -> tuple[Sweep, Attempts]:
    """One look at the endpoints."""
    swept, attempts = sweeper(stack, bucket, executions, ssm), Attempts()
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
    executions.more[run] = {"stopDate": executions.now - IN_FLIGHT} if status != "RUNNING" else {}


def test_an_endpoint_lives_as_long_as_its_run_and_its_lease(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "going", "RUNNING")
    claimed(bucket, executions, "over", "ABORTED")
    kept = opened(stack, "going", "going")
    unknown = opened(stack, "unclaimed", "unclaimed")
    gone = {opened(stack, "over", "over").arn, opened(stack, "late", "going", lease="2026-11-21T12:00:00Z").arn}
    swept, attempts = sweep(stack, bucket, executions)
    attempts.conclude()
    assert (set(swept.released), swept.checked, stack.open_arns()) == (gone, 4, {kept.arn, unknown.arn})


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
    executions.statuses[run.execution_arn] = "RUNNING"
    # 2,000 questions to three contestants at four a minute.
    stack.clock.advance(2_000 * 3 / 4)
    assert sweep(stack, bucket, executions)[0].released == ([] if kept else [endpoint.arn])
    forgotten, second = evaluating(stack, kind)
    executions.statuses[forgotten.execution_arn] = "ABORTED"
    executions.more[forgotten.execution_arn] = {"stopDate": executions.now - IN_FLIGHT}
    stack.clock.advance(30)
    assert sweep(stack, bucket, executions)[0].released == [second.arn]


@pytest.mark.parametrize("kind", LEASES)
def test_no_endpoint_outlives_the_longest_run_even_if_its_execution_seems_to_go_on(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, kind: Deployment
) -> None:
    run, endpoint = evaluating(stack, kind)
    executions.statuses[run.execution_arn] = "RUNNING"
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
        claimed(bucket, executions, name, "ABORTED")
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
    claimed(bucket, executions, "run", "ABORTED")
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
        release.release_run(stack.emulator.control, stack.ssm, stack.s3, run, stack=STACK)
    assert stack.open_arns() == set()


def test_of_several_failures_the_one_that_waiting_does_not_mend_is_raised() -> None:
    attempts = Attempts()
    for error in (EndpointBusy("wait"), AccessRefused("act"), EndpointBusy("wait")):
        with attempts.one():
            raise error
    with pytest.raises(AccessRefused):
        attempts.conclude()


# What the sweeper deletes only if it is sure


def test_an_execution_that_may_still_be_publishing_keeps_its_endpoint_for_some_minutes(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "run", "ABORTED")
    executions.more["run"] = {"stopDate": executions.now}
    endpoint = opened(stack, "one", "run")
    assert sweep(stack, bucket, executions)[0].released == []
    executions.now += IN_FLIGHT
    assert sweep(stack, bucket, executions)[0].released == [endpoint.arn]


def test_an_execution_that_is_listed_as_going_on_is_believed_even_if_it_cannot_be_found(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(bucket, executions, "run", "RUNNING")
    opened(stack, "one", "run")

    def forgotten(**_: str) -> None:
        raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")

    monkeypatch.setattr(executions, "describe_execution", forgotten)
    assert sweep(stack, bucket, executions)[0].released == []
    executions.statuses.clear()
    assert len(sweep(stack, bucket, executions)[0].released) == 1


def test_an_endpoint_that_was_published_is_kept_without_its_parameter_and_told_of(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    request = stack.request(stack.run())
    stack.promote(request)
    stack.parameters.values.clear()
    assert release.release_run(stack.emulator.control, stack.ssm, stack.s3, request.run, stack=STACK).released == ()
    tags = [{"key": "finetune-run", "value": request.run.run_id}]
    stack.emulator.control.tag_resource(resourceARN=request.throughput.arn, tags=tags)  # type: ignore[arg-type]  # tags
    swept, attempts = sweep(stack, bucket, executions)
    assert (swept.released, stack.open_arns()) == ([], {request.throughput.arn})
    with pytest.raises(ParameterMissing, match=f"/{STACK}/{SLUG}/endpoint is missing"):
        attempts.conclude()


def test_an_endpoint_that_answers_with_another_model_than_the_published_gets_it_back(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    first = stack.request(stack.run())
    stack.promote(first)
    other = stack.emulator.add_model("other", "amazon.nova-micro-v1:0:128k")
    endpoints.start_swap(stack.emulator.control, first.throughput, other)
    stack.clock.advance(30)
    assert stack.serving(first.throughput.arn) == other
    assert sweep(stack, bucket, executions)[0].restored == [first.throughput.arn]
    stack.clock.advance(30)
    assert stack.serving(first.throughput.arn) == first.model.model_arn
    assert sweep(stack, bucket, executions)[0].restored == []


# Jobs


def training(stack: Stack, run: str, owner: str = STACK) -> str:
    """A job of a run, going; its name."""
    stack.emulator.s3.objects["artifacts/training"] = RECORDS
    tags = [("finetune-stack", owner), ("finetune-project", SLUG), ("finetune-run", run)]
    stack.emulator.control.create_model_customization_job(
        jobName=f"job-{run}",
        customModelName=f"job-{run}",
        roleArn=JOB_ROLE,
        baseModelIdentifier="amazon.nova-micro-v1:0:128k",
        customizationType="FINE_TUNING",
        trainingDataConfig={"s3Uri": "s3://artifacts/training"},
        outputDataConfig={"s3Uri": "s3://artifacts/output/"},
        jobTags=[{"key": key, "value": value} for key, value in tags],
    )
    return f"job-{run}"


def test_jobs_whose_run_has_ended_are_stopped_and_no_others(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    for run, status in (("going", "RUNNING"), ("over", "ABORTED")):
        claimed(bucket, executions, run, status)
        training(stack, run)
    training(stack, "foreign", owner="another")
    training(stack, "unclaimed")
    swept = sweeper(stack, bucket, executions)
    attempts = Attempts()
    swept.jobs(attempts)
    attempts.conclude()
    assert (swept.released, swept.checked) == (["job-over"], 3)
    swept = sweeper(stack, bucket, executions)
    swept.jobs(attempts)
    assert swept.released == []
