"""Nothing billable outlives its run: every call lost, refused or stuck, every line of defence alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from itertools import cycle
from typing import Any

import pytest
import yaml

from finetune.domain.obstacles import NO_ENDPOINT
from tests.e2e.pipeline import EXAMPLE, Execution, Pipeline
from tests.waiting import eventually

DATASET = (EXAMPLE / "dataset.jsonl").read_bytes()
WORSE = (EXAMPLE / "worse.jsonl").read_bytes()
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text())
EVALUATION = EXAMPLE / "evaluation.jsonl"
PROVISIONED = {
    "base_model": "meta.llama3-2-1b-instruct-v1:0:128k",
    "deployment": "provisioned",
    "hyperparameters": {},
    "budget": {"limit_usd": 500},
    "prices": {
        "training_per_1k_tokens": 0.001,
        "provisioned_per_hour": 20.0,
        "input_per_1k_tokens": 0.001,
        "output_per_1k_tokens": 0.001,
    },
}


@pytest.fixture(autouse=True)
def _room_for_endpoints(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()
    pipeline.close_endpoints()


def deliver(pipeline: Pipeline, project: str, data: bytes, *faults: str, **settings: Any) -> Execution:
    pipeline.configure(project, {**SETTINGS, **settings}, EVALUATION)
    pipeline.admin.inject(*faults)
    return pipeline.drop(f"{project}/data.jsonl", data)


def opened(pipeline: Pipeline, project: str) -> list[str]:
    """Every endpoint that was ever opened for a project."""
    return [each.arn for each in pipeline.admin.ledger().endpoints if each.tags.get("finetune-project") == project]


def gone(pipeline: Pipeline, project: str) -> None:
    eventually(lambda: None if pipeline.endpoints_of(project) else True, f"the end of the endpoints of {project}")


def start(pipeline: Pipeline, project: str, data: bytes) -> str:
    """Drop a dataset; the execution it starts."""
    version = pipeline.put(f"incoming/{project}/data.jsonl", data)
    return eventually(lambda: pipeline.execution_of(version), "the execution")


def abort(pipeline: Pipeline, arn: str, *, once: Callable[[], object]) -> Execution:
    eventually(lambda: once() or None, "the moment to abort")
    pipeline.cloud.client("stepfunctions").stop_execution(executionArn=arn)
    return pipeline.ended(arn)


@contextmanager
def status_changes_lost(pipeline: Pipeline) -> Iterator[None]:
    """EventBridge delivers status changes at best effort; here it delivers none."""
    events = pipeline.cloud.client("events")
    [rule] = [each["Name"] for each in events.list_rules()["Rules"] if "RunEndedRule" in each["Name"]]
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


@contextmanager
def sns_refusing(pipeline: Pipeline, *functions: str) -> Iterator[None]:
    """These functions cannot send mail."""
    iam = pipeline.cloud.client("iam")
    roles = [each["RoleName"] for each in iam.list_roles(MaxItems=1000)["Roles"]]
    own = [role for role in roles if any(f"{name}FunctionRole" in role for name in functions)]
    assert len(own) == len(functions)
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}]}
    for role in own:
        iam.put_role_policy(RoleName=role, PolicyName="NoMail", PolicyDocument=json.dumps(deny))
    try:
        yield
    finally:
        for role in own:
            iam.delete_role_policy(RoleName=role, PolicyName="NoMail")


# A call whose response is lost four times outlasts the client's own retries, so that the state machine asks again.


def test_a_job_and_a_deployment_whose_responses_were_lost_are_adopted_and_every_other_call_may_stumble_once(
    pipeline: Pipeline,
) -> None:
    calls = ("get-foundation-model", "get-job", "get-model", "get-deployment", "converse")
    once = [f"{trouble}-{call}" for trouble, call in zip(cycle(("throttle", "internal-error")), calls, strict=False)]
    run = deliver(pipeline, "lost", DATASET, "lose-response-create-job:4", "lose-response-create-deployment:4", *once)
    assert (run.status, run.states[-1]) == ("SUCCEEDED", "Model Promoted")
    assert pipeline.admin.pending_faults() == []
    assert len(pipeline.jobs_of("lost")) == 1
    assert len(opened(pipeline, "lost")) == 1
    assert len(pipeline.mails(run)) == 1


def test_throughput_whose_response_was_lost_is_adopted(pipeline: Pipeline) -> None:
    run = deliver(pipeline, "lost-hours", DATASET, "lose-response-create-throughput:4", **PROVISIONED)
    assert run.status == "SUCCEEDED", run.cause
    assert pipeline.admin.pending_faults() == []
    assert len(opened(pipeline, "lost-hours")) == 1


def test_a_used_up_quota_a_cold_endpoint_and_one_that_cannot_be_deleted_yet_are_waited_for(pipeline: Pipeline) -> None:
    run = deliver(pipeline, "waiting", WORSE, "quota-create-job:3", "not-ready:5", "conflict-delete-deployment:3")
    assert (run.status, run.states[-1]) == ("SUCCEEDED", "Model Not Promoted")
    assert sorted(mail.subject for mail in pipeline.mails(run)) == [
        "Model not promoted: waiting",
        "Waiting for capacity: waiting",
    ]
    assert pipeline.admin.pending_faults() == []
    assert len(pipeline.jobs_of("waiting")) == 1
    assert run.output["evaluation"]["items"] > 0
    assert pipeline.endpoints_of("waiting") == []


@pytest.mark.parametrize("call", ["create-job", "create-deployment", "converse", "delete-deployment"])
def test_a_missing_permission_fails_the_run_by_name_and_leaves_no_endpoint(pipeline: Pipeline, call: str) -> None:
    project = f"denied-{call}"
    run = deliver(pipeline, project, WORSE, f"deny-{call}")
    [mail] = pipeline.mails(run)
    assert run.status == "FAILED"
    assert "AccessRefused" in f"{run.error} {run.cause}"
    assert "AccessRefused" in mail.body
    gone(pipeline, project)


def test_quotas_that_refuse_every_kind_of_endpoint_leave_the_losses_and_a_mail_that_says_what_to_ask_for(
    pipeline: Pipeline,
) -> None:
    refused = ("quota-create-deployment:always", "quota-create-throughput:always")
    dear = {"budget": {"limit_usd": 500}, "prices": {"provisioned_per_hour": 20.0}}
    run = deliver(pipeline, "no-room", WORSE, *refused, **dear, notify={"waiting": False})
    assert (run.status, run.states[-1]) == ("SUCCEEDED", "Model Not Promoted")
    assert opened(pipeline, "no-room") == []
    [mail] = pipeline.mails(run)
    assert mail.subject == "Inconclusive, not promoted: no-room"
    page = unescape(pipeline.file(run, "report.html").decode())
    for text in (mail.body, page):
        assert f"trained but not evaluated: {NO_ENDPOINT.why}" in text
        assert "While opening provisioned endpoint" in text
        assert f"{run.output['model']['model_name']} is kept" in text
        assert "a month" in text
        assert NO_ENDPOINT.advice in text
    assert b"curve" in pipeline.file(run, "report.html")


def test_an_endpoint_that_fails_ends_the_run_with_the_services_words(pipeline: Pipeline) -> None:
    run = deliver(pipeline, "broken-endpoint", WORSE, "endpoint-fails")
    assert (run.status, run.error) == ("FAILED", "EndpointFailed")
    assert run.cause is not None
    assert "internal error" in run.cause
    assert pipeline.endpoints_of("broken-endpoint") == []


def test_an_endpoint_stuck_in_creating_fails_the_run_and_is_swept_as_soon_as_the_service_lets_go(
    pipeline: Pipeline,
) -> None:
    run = deliver(pipeline, "stuck", WORSE, "endpoint-never-ready=5")
    assert (run.status, run.error) == ("FAILED", "EndpointFailed")
    assert run.cause is not None
    assert "still Creating" in run.cause
    [mail] = pipeline.mails(run)
    assert mail.subject == "Run failed (EndpointFailed): stuck"
    gone(pipeline, "stuck")


def test_an_abort_while_the_endpoint_is_creating_leaves_none(pipeline: Pipeline) -> None:
    pipeline.configure("young", SETTINGS, EVALUATION)
    pipeline.admin.inject("endpoint-never-ready=2")
    arn = start(pipeline, "young", WORSE)
    run = abort(pipeline, arn, once=lambda: pipeline.endpoints_of("young"))
    assert run.status == "ABORTED"
    gone(pipeline, "young")
    assert len(pipeline.mails(run)) == 1


def test_the_sweeper_alone_ends_the_endpoint_of_an_aborted_run_and_tells_of_the_run(pipeline: Pipeline) -> None:
    pipeline.configure("unseen", SETTINGS, EVALUATION)
    with status_changes_lost(pipeline):
        pipeline.admin.inject("not-ready:always")
        run = abort(pipeline, start(pipeline, "unseen", WORSE), once=lambda: pipeline.answering("unseen"))
        gone(pipeline, "unseen")
        [mail] = pipeline.mails(run)
        assert mail.subject == "Run stopped: unseen"


def test_the_sweeper_alone_stops_the_job_of_an_aborted_run(pipeline: Pipeline) -> None:
    pipeline.configure("unseen-job", SETTINGS, EVALUATION)
    with status_changes_lost(pipeline):
        pipeline.admin.inject("stall-job")
        run = abort(pipeline, start(pipeline, "unseen-job", WORSE), once=lambda: pipeline.jobs_of("unseen-job"))
        [name] = pipeline.jobs_of("unseen-job")
        eventually(lambda: name in stopped(pipeline) or None, "the job's end")
        assert len(pipeline.mails(run)) == 1


def stopped(pipeline: Pipeline) -> list[str]:
    return [job.name for job in pipeline.admin.ledger().jobs if job.status == "Stopped"]


def test_the_sweeper_touches_nothing_of_another_stack_and_nothing_untagged(pipeline: Pipeline) -> None:
    bedrock = pipeline.cloud.client("bedrock")
    run = deliver(pipeline, "neighbour", WORSE)
    model = run.output["model"]["model_arn"]
    foreign = {"finetune-stack": "another", "finetune-run": "r", "finetune-project": "p"}
    tags = [{"key": key, "value": value} for key, value in foreign.items()]
    arns = [
        bedrock.create_custom_model_deployment(modelDeploymentName=name, modelArn=model, tags=given)[
            "customModelDeploymentArn"
        ]
        for name, given in (("tagged-otherwise", tags), ("untagged", []))
    ]
    eventually(lambda: set(arns) <= set(pipeline.ready()) or None, "both endpoints")
    before = len(sweeps(pipeline))
    eventually(lambda: len(sweeps(pipeline)) > before + 2 or None, "two sweeps")
    assert set(arns) <= set(pipeline.admin.ledger().open)


def sweeps(pipeline: Pipeline) -> list[str]:
    lists = [line for line in pipeline.admin.requests() if line.operation == "ListProvisionedModelThroughputs"]
    return [line.at for line in lists if "SweepEndpoints" in line.caller]


def test_cleaning_up_twice_is_cleaning_up_once(pipeline: Pipeline) -> None:
    pipeline.configure("cleaned", SETTINGS, EVALUATION)
    pipeline.admin.inject("not-ready:always")
    run = abort(pipeline, start(pipeline, "cleaned", WORSE), once=lambda: pipeline.answering("cleaned"))
    gone(pipeline, "cleaned")
    assert len(pipeline.mails(run)) == 1
    described = pipeline.cloud.client("stepfunctions").describe_execution(executionArn=run.arn)
    detail = {"executionArn": run.arn, "status": "ABORTED", "input": described["input"]}
    functions = pipeline.cloud.client("lambda")
    [name] = [
        each["FunctionName"] for each in functions.list_functions()["Functions"] if "CleanUpRun" in each["FunctionName"]
    ]
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(detail).encode())
    assert json.loads(answer["Payload"].read()) == {"released": [], "mail_sent": False}
    assert len(pipeline.mails(run)) == 1


def test_a_mail_that_cannot_be_sent_changes_no_result_and_is_sent_once_as_soon_as_it_can(pipeline: Pipeline) -> None:
    with sns_refusing(pipeline, "Notify", "CleanUpRun", "SweepEndpoints"):
        good = deliver(pipeline, "mute", WORSE)
        bad = pipeline.drop("mute-broken/data.jsonl", b"{}\n")
        assert (good.status, good.states[-1]) == ("SUCCEEDED", "Model Not Promoted")
        assert (bad.status, bad.error) == ("FAILED", "DatasetRejected")
        assert not [mail for mail in pipeline.cloud.mails() if good.arn in mail.body or bad.arn in mail.body]
    for run in (good, bad):
        assert len(pipeline.mails(run)) == 1
    seen = len(sweeps(pipeline))
    eventually(lambda: len(sweeps(pipeline)) > seen + 2 or None, "two more sweeps")
    for run in (good, bad):
        assert len(pipeline.mails(run)) == 1


def test_no_test_of_this_file_left_an_endpoint_that_nobody_published(pipeline: Pipeline) -> None:
    prefix = pipeline.outputs["EndpointParameterPath"]
    pages = pipeline.cloud.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=prefix, Recursive=True)
    published = {json.loads(each["Value"])["endpoint_arn"] for page in pages for each in page["Parameters"]}
    own = [each for each in pipeline.admin.ledger().endpoints if each.tags.get("finetune-stack") == "finetune"]
    assert {each.arn for each in own if each.deleted_at is None} <= published
