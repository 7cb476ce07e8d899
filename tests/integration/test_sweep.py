"""The last line of defence: endings that nobody told of, what nobody owns, mails that nobody sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast
from zlib import crc32

import orjson
import pytest
from botocore.exceptions import ClientError

from finetune.aws import endpoints, mail, release, starts
from finetune.aws.clean_up import CleanUp
from finetune.aws.executions import IN_FLIGHT, all_of
from finetune.aws.release import Attempts
from finetune.aws.sweep import LOOK_BACK, OVERDUE, Sweep
from finetune.contracts import SelectModelOutput, SweepEndpointsOutput
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import RUN_BOUND, resource_name
from finetune.errors import AccessRefused, EndpointBusy, ParameterMissing, ServiceBusy
from finetune.parts import Endpoint
from finetune.run import DatasetDropped, Run
from tests.emulator import JOB_ROLE
from tests.evaluating import Bucket, items, prepared
from tests.evaluating import run as planned
from tests.integration.deployed import ENVIRONMENT, RECORDS, STOPPED, Deployed, deliver, down, down_once, refused
from tests.integration.fakes import LEASES, SLUG, STACK, VERDICT, MemoryBucket, MemoryExecutions, MemorySsm, Stack
from tests.integration.test_starts import MemoryMachine
from tools.project import resources, template

PROMOTION = {"words": "of another release"}
LEASE = "2026-11-21T18:00:00Z"


def sweeper(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, ssm: Any = None) -> Sweep:
    through: dict[str, Any] = {
        "bedrock": stack.emulator.control,
        "ssm": ssm or stack.ssm,
        "s3": bucket,
        "sns": None,
        "stepfunctions": executions,
    }
    return Sweep(CleanUp(**through, environment=ENVIRONMENT), known=all_of(cast("Any", executions), "machine"))


def sweep(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, ssm: Any = None) -> tuple[Sweep, Attempts]:
    """One look at the endpoints."""
    swept, attempts = sweeper(stack, bucket, executions, ssm), Attempts()
    swept.endpoints(attempts)
    return swept, attempts


def id_of(run: str) -> str:
    """The id of a run that the test calls by a word."""
    return f"20261121-103001-{crc32(run.encode()):08x}"


def opened(stack: Stack, run: str, lease: str = LEASE, owner: str = STACK) -> Endpoint:
    """An endpoint of a run, ready."""
    name = resource_name(SLUG, id_of(run))
    model = stack.emulator.add_model(f"{name}-c1", "amazon.nova-micro-v1:0:128k")
    tags = {
        "finetune-stack": owner,
        "finetune-project": SLUG,
        "finetune-run": id_of(run),
        "finetune-lease-until": lease,
    }
    return stack.open(name, model, "on_demand", [{"key": key, "value": value} for key, value in tags.items()])


def claimed(bucket: MemoryBucket, executions: MemoryExecutions, run: str, status: str) -> None:
    bucket.objects[f"runs/{SLUG}/{id_of(run)}/run.json"] = (orjson.dumps({"execution_arn": run}), bucket.now)
    executions.statuses[run] = status
    executions.more[run] = {"stopDate": executions.now - IN_FLIGHT} if status != "RUNNING" else {}


def test_an_endpoint_lives_as_long_as_its_run_and_its_lease(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "going", "RUNNING")
    claimed(bucket, executions, "late", "RUNNING")
    claimed(bucket, executions, "over", "ABORTED")
    kept = opened(stack, "going")
    unknown = opened(stack, "unclaimed")
    gone = {opened(stack, "over").arn, opened(stack, "late", lease="2026-11-21T12:00:00Z").arn}
    swept, attempts = sweep(stack, bucket, executions)
    attempts.conclude()
    assert (set(swept.released), swept.checked, stack.open_arns()) == (gone, 4, {kept.arn, unknown.arn})


def evaluating(stack: Stack, kind: Deployment) -> tuple[Run, Endpoint]:
    """A run with the endpoint that it opened to evaluate its model."""
    run = stack.run()
    arn = stack.emulator.add_model(f"{run.endpoint_name}-c1", "amazon.nova-micro-v1:0:128k")
    model = SelectModelOutput(outcome="trained", reason="", model_arn=arn)
    return run, endpoints.open_endpoint(stack.emulator.control, run, model, {kind: LEASES[kind]}, stack=STACK)


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
    opened(stack, "foreign", lease="", owner=owner)
    swept, _ = sweep(stack, bucket, executions)
    assert (swept.released, swept.checked, len(stack.open_arns())) == ([], 0, 1)


def test_one_endpoint_that_cannot_be_deleted_does_not_save_the_others_and_is_reported(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    for name in ("one", "two", "three"):
        claimed(bucket, executions, name, "ABORTED")
        opened(stack, name)
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
    opened(stack, "run")
    swept, attempts = sweep(stack, bucket, executions)
    attempts.conclude()
    assert swept.released == []
    stack.clock.advance(31)
    assert len(sweep(stack, bucket, executions)[0].released) == 1


def test_nothing_is_deleted_while_what_is_in_service_cannot_be_read(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    opened(stack, "run")

    class Unreadable(MemorySsm):
        def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - SSM's own names
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": Name}}, "GetParameter")

    swept, attempts = sweep(stack, bucket, executions, ssm=Unreadable())
    assert swept.released == []
    with pytest.raises(ServiceBusy):
        attempts.conclude()


# What the sweeper deletes only if it is sure


def test_an_execution_that_may_still_be_publishing_keeps_its_endpoint_for_some_minutes(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "run", "ABORTED")
    executions.more["run"] = {"stopDate": executions.now}
    endpoint = opened(stack, "run")
    assert sweep(stack, bucket, executions)[0].released == []
    executions.now += IN_FLIGHT
    assert sweep(stack, bucket, executions)[0].released == [endpoint.arn]


def test_an_execution_that_is_listed_and_cannot_be_found_keeps_its_endpoint(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(bucket, executions, "run", "RUNNING")
    opened(stack, "run")

    def forgotten(**_: str) -> None:
        raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")

    monkeypatch.setattr(executions, "describe_execution", forgotten)
    assert sweep(stack, bucket, executions)[0].released == []
    executions.statuses["run"] = "ABORTED"
    assert sweep(stack, bucket, executions)[0].released == []
    executions.statuses.clear()
    assert len(sweep(stack, bucket, executions)[0].released) == 1


def test_an_execution_that_cannot_be_found_while_none_can_be_listed_keeps_its_endpoint(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    deployed.executions.statuses.clear()
    attempts = Attempts()
    Sweep(deployed.by, known=None).endpoints(attempts)
    assert deployed.stack.open_arns() == {endpoint.arn}
    Sweep(deployed.by, known={}).endpoints(attempts)
    assert deployed.stack.open_arns() == set()
    attempts.conclude()


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


def test_a_swap_that_begins_and_ends_while_the_sweeper_looks_is_left_alone(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    stack.promote(stack.request(stack.run()))
    second = stack.request(stack.run())
    # So that the one in service is the first that is looked at.
    stack.emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier=second.throughput.arn)

    class Meanwhile(MemorySsm):
        def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - SSM's own names
            found = stack.parameters.get_parameter(Name=Name)
            if stack.published.swap is None:
                with pytest.raises(EndpointBusy):
                    stack.promote(second)
                stack.clock.advance(30)
            return found

    swept, attempts = sweep(stack, bucket, executions, ssm=Meanwhile())
    attempts.conclude()
    assert (swept.restored, stack.serving(stack.published.endpoint_arn)) == ([], second.model.model_arn)
    stack.promote(second)
    assert stack.published.model_arn == second.model.model_arn


# Jobs


def training(stack: Stack, run: str, owner: str = STACK) -> str:
    """A job of a run, going; its name."""
    stack.emulator.s3.objects["artifacts/training"] = RECORDS
    name = f"{resource_name(SLUG, id_of(run))}-c1"
    tags = [("finetune-stack", owner), ("finetune-project", SLUG), ("finetune-run", id_of(run))]
    stack.emulator.control.create_model_customization_job(
        jobName=name,
        customModelName=name,
        roleArn=JOB_ROLE,
        baseModelIdentifier="amazon.nova-micro-v1:0:128k",
        customizationType="FINE_TUNING",
        trainingDataConfig={"s3Uri": "s3://artifacts/training"},
        outputDataConfig={"s3Uri": "s3://artifacts/output/"},
        jobTags=[{"key": key, "value": value} for key, value in tags],
    )
    return name


def test_jobs_whose_run_has_ended_are_stopped_and_no_others(
    stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions
) -> None:
    claimed(bucket, executions, "going", "RUNNING")
    claimed(bucket, executions, "over", "ABORTED")
    training(stack, "going")
    over = training(stack, "over")
    training(stack, "foreign", owner="another")
    training(stack, "unclaimed")
    swept = sweeper(stack, bucket, executions)
    attempts = Attempts()
    swept.jobs(attempts)
    attempts.conclude()
    assert (swept.released, swept.checked) == ([over], 3)
    swept = sweeper(stack, bucket, executions)
    swept.jobs(attempts)
    assert swept.released == []


# Sweep Endpoints: endings that nobody told of


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_ending_whose_event_was_lost_is_cleaned_up_after(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    job, endpoint = deployed.training(run), deployed.evaluating(run)
    deployed.end(run, status, error="SettingsInvalid", cause="settings.yaml: no")
    swept = deployed.sweep()
    assert swept == SweepEndpointsOutput(checked=0, released=(), mails_sent=1)
    assert deployed.status_of(job) in {"Stopping", "Stopped"}
    assert deployed.stack.open_arns() == set()
    [subject] = deployed.topic.sent
    assert subject.startswith(("Run failed (", "Run stopped: "))
    assert endpoint.arn not in deployed.topic.bodies[0]
    assert deployed.sweep().mails_sent == 0


def test_a_run_that_is_going_on_is_nobody_s_business(deployed: Deployed) -> None:
    job = deployed.training(deployed.planned())
    assert deployed.sweep() == SweepEndpointsOutput(checked=1, released=(), mails_sent=0)
    assert (deployed.status_of(job), deployed.topic.sent) == ("InProgress", [])


@pytest.mark.parametrize(
    ("output", "sent"),
    [
        ({"promotion": PROMOTION, "evaluation": {"decision": "promote"}}, ["Model promoted: the dropped file"]),
        ({"evaluation": VERDICT.payload() | {"decision": "do_not_promote"}}, ["Model not promoted: shop"]),
        ({"prepared": prepared(items(1), Bucket(), planned()).payload()}, ["Nothing new: shop"]),
        ({"run": {"first_delivery": False}}, []),
        ({}, []),
    ],
    ids=["promoted, in another release's words", "not promoted", "nothing new", "a second delivery", "nothing known"],
)
def test_a_success_whose_mail_was_never_written_is_told_of_once(
    deployed: Deployed, output: dict[str, Any], sent: list[str]
) -> None:
    run = deployed.planned()
    deployed.ended(run, "SUCCEEDED", output=json.dumps({"run": run.payload()} | output))
    assert [deployed.sweep().mails_sent for _ in range(2)] == [len(sent), 0]
    assert deployed.topic.sent == sent
    assert mail.all_sent(deployed.s3, "artifacts") == [run.execution_arn.rsplit(":", 1)[1]]


@pytest.mark.parametrize(("ago", "mails"), [(LOOK_BACK - timedelta(seconds=1), 1), (LOOK_BACK, 0)])
def test_endings_are_looked_for_as_far_back_as_the_sweeper_looks(
    deployed: Deployed, ago: timedelta, mails: int
) -> None:
    deployed.end(deployed.planned(), "ABORTED", stopDate=deployed.executions.now - ago)
    assert deployed.sweep().mails_sent == mails


def test_endings_without_a_mail_are_found_however_many_came_after_them(deployed: Deployed) -> None:
    lost = deployed.planned()
    deployed.end(lost, "ABORTED")
    for _ in range(60):
        run = deployed.planned()
        deployed.end(run, "ABORTED")
        assert deliver(deployed, run, "told")
    assert deployed.sweep().mails_sent == 1
    assert lost.execution_arn in deployed.topic.bodies[-1]


def test_endings_are_looked_for_as_long_as_the_records_of_mails_are_surely_kept() -> None:
    kept = timedelta(days=template()["Parameters"]["ArtifactRetentionDays"]["MinValue"])
    assert timedelta(0) < kept - LOOK_BACK <= timedelta(days=1)


def test_nothing_of_an_ended_execution_that_could_publish_is_going_when_it_is_quiet() -> None:
    limit = resources("AWS::Serverless::Function")["PromoteModelFunction"]["Properties"]["Timeout"]
    assert timedelta(seconds=limit) < IN_FLIGHT


def test_one_ending_that_cannot_be_cleaned_up_does_not_keep_the_others_from_it(deployed: Deployed) -> None:
    ended = [deployed.planned() for _ in range(3)]
    opened = {deployed.evaluating(run).arn for run in ended}
    for run in ended:
        deployed.end(run, "ABORTED")
    deployed.stack.emulator.admin.inject("deny-delete-deployment@2")
    with pytest.raises(AccessRefused):
        deployed.sweep()
    assert deployed.topic.sent == [STOPPED] * 3
    assert len(deployed.stack.open_arns() & opened) <= 1


def test_one_ending_that_cannot_be_looked_at_does_not_keep_the_others_from_it(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen, *others = (deployed.planned() for _ in range(3))
    for run in (unseen, *others):
        deployed.end(run, "ABORTED")
    look = deployed.executions.describe_execution

    def describe(*, executionArn: str) -> dict[str, Any]:  # noqa: N803 - Step Functions' own names
        if executionArn == unseen.execution_arn:
            raise refused("AccessDeniedException")
        return look(executionArn=executionArn)

    monkeypatch.setattr(deployed.executions, "describe_execution", describe)
    with pytest.raises(AccessRefused):
        deployed.sweep()
    assert deployed.topic.sent == [STOPPED] * 2


# Sweep Endpoints: endpoints that nobody owns, and mails that nobody sent


def test_endpoints_that_were_removed_are_told_of_in_one_mail(deployed: Deployed) -> None:
    arns = {deployed.evaluating(deployed.planned()).arn for _ in range(2)}
    for run in list(deployed.executions.statuses):
        deployed.executions.statuses[run] = "SUCCEEDED"
        deployed.executions.more[run]["stopDate"] = deployed.executions.now - OVERDUE
    swept = deployed.sweep()
    assert (set(swept.released), swept.checked, swept.mails_sent) == (arns, 2, 0)
    assert deployed.topic.sent == [f"Left behind and ended by the sweeper of {STACK}: 2"]
    assert all(arn in deployed.topic.bodies[0] for arn in arns)
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert len(deployed.topic.sent) == 1


def test_an_alarm_that_cannot_be_sent_is_an_error_and_the_endpoint_is_gone_all_the_same(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.executions.more[run.execution_arn]["stopDate"] = deployed.executions.now - OVERDUE
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_mail_that_was_written_and_not_sent_goes_out_once(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Model promoted: shop")
    deployed.topic.before = lambda: None
    deployed.executions.statuses[run.execution_arn] = status
    assert [deployed.sweep().mails_sent for _ in range(2)] == [1, 0]
    assert deployed.topic.sent == ["Model promoted: shop"]


def test_a_mail_that_cannot_be_sent_now_does_not_keep_the_others(deployed: Deployed) -> None:
    deployed.topic.before = down
    for number in range(3):
        run = deployed.planned()
        with pytest.raises(ServiceBusy):
            deliver(deployed, run, f"Model promoted: {number}")
        deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.topic.before = down_once(deployed.topic)
    with pytest.raises(ServiceBusy):
        deployed.sweep()
    assert deployed.topic.sent == ["Model promoted: 1", "Model promoted: 2"]


def test_a_sweeper_that_may_not_list_executions_deletes_endpoints_and_sends_mails_all_the_same(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> None:
        raise refused("AccessDeniedException")

    run = deployed.planned()
    deployed.evaluating(run)
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Model promoted: shop")
    deployed.topic.before = lambda: None
    deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.executions.more[run.execution_arn]["stopDate"] = deployed.executions.now - OVERDUE
    monkeypatch.setattr(deployed.executions, "paginate", denied)
    with pytest.raises(AccessRefused, match="listing executions"):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()
    assert deployed.topic.sent == ["Model promoted: shop", f"Left behind and ended by the sweeper of {STACK}: 1"]


def test_what_could_not_be_started_is_started_by_the_sweeper(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine: Any = MemoryMachine(refusal="ThrottlingException")
    dropped = DatasetDropped.model_validate_json(
        str(deployed.executions.more[deployed.planned().execution_arn]["input"])
    )
    starts.start_run(machine, deployed.s3, dropped, ENVIRONMENT)
    machine.refusal = ""
    monkeypatch.setattr(deployed.executions, "start_execution", machine.start_execution, raising=False)
    for _ in range(2):
        deployed.sweep()
    assert [DatasetDropped.model_validate_json(text) for text in machine.inputs.values()] == [dropped]


def test_a_stack_at_rest_is_swept_without_a_mail(deployed: Deployed) -> None:
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert deployed.topic.sent == []
