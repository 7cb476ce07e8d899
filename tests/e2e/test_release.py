"""Nothing billable outlives its run, with the roles that the stack deploys; tests/simulation tries every fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.e2e.pipeline import EXAMPLE, Execution, Pipeline
from tests.waiting import eventually

DATASET = (EXAMPLE / "dataset.jsonl").read_bytes()
WORSE = (EXAMPLE / "worse.jsonl").read_bytes()
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text())
EVALUATION = EXAMPLE / "evaluation.jsonl"


@pytest.fixture(autouse=True)
def _room_for_endpoints(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()
    pipeline.close_endpoints()


def deliver(pipeline: Pipeline, project: str, data: bytes, *faults: str, **settings: Any) -> Execution:
    pipeline.configure(project, {**SETTINGS, **settings}, EVALUATION)
    pipeline.admin.inject(*faults)
    return pipeline.drop(f"{project}/data.jsonl", data)


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


def test_no_test_of_this_file_left_an_endpoint_that_nobody_published(pipeline: Pipeline) -> None:
    prefix = pipeline.outputs["EndpointParameterPath"]
    pages = pipeline.cloud.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=prefix, Recursive=True)
    published = {json.loads(each["Value"])["endpoint_arn"] for page in pages for each in page["Parameters"]}
    own = [each for each in pipeline.admin.ledger().endpoints if each.tags.get("finetune-stack") == "finetune"]
    assert {each.arn for each in own if each.deleted_at is None} <= published
