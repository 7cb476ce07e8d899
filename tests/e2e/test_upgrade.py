"""A deployment over running executions: each ends with a promotion or without, one mail, and nothing left."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from botocore.exceptions import WaiterError

from local.deployment import failures
from tests.deploying import deploy_translated
from tests.e2e.pipeline import EXAMPLE, Pipeline
from tests.recorded_releases.record import HERE
from tests.waiting import LAST_RESORT_SECONDS, eventually

STACK, PARAMETERS = "upgraded", {"NotificationEmail": "team@example.com"}
BETTER, WORSE = ((EXAMPLE / name).read_bytes() for name in ("dataset.jsonl", "worse.jsonl"))
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text())
LAST_RELEASE = max(HERE.glob("*/sources.tar.xz"), key=lambda path: [int(part) for part in path.parent.name.split(".")])


def sources(archive: Path, folder: Path) -> Path:
    """A recorded release, laid out as `sam build` does; the packages that it needs come from this environment."""
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    package = folder / "layers/finetune/python"
    package.mkdir()
    (folder / "layers/finetune/finetune").rename(package / "finetune")
    return folder


@pytest.fixture(scope="module")
def upgraded(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The last release, as a stack of its own beside the one of the other tests."""
    pipeline.admin.clear_faults()
    pipeline.close_endpoints()
    release = sources(LAST_RELEASE, tmp_path_factory.mktemp("release"))
    yield Pipeline(pipeline.cloud, deploy_translated(pipeline.cloud, release, STACK, PARAMETERS))
    delete(pipeline)


def delete(pipeline: Pipeline) -> None:
    """Delete the stack, if it is there, and wait until it is gone."""
    cloudformation = pipeline.cloud.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": LAST_RESORT_SECONDS}
        )
    except WaiterError as error:
        raise AssertionError(failures(pipeline.cloud, STACK)) from error


def started(pipeline: Pipeline, project: str, data: bytes, state: str) -> str:
    """An execution that has reached a state."""
    pipeline.configure(project, SETTINGS, EXAMPLE / "evaluation.jsonl")
    version = pipeline.put(f"incoming/{project}/data.jsonl", data)
    arn = eventually(lambda: pipeline.execution_of(version), "the execution")
    pipeline.reached(arn, state)
    return arn


def going(pipeline: Pipeline) -> set[str]:
    """The executions that have not ended."""
    client, machine = pipeline.cloud.client("stepfunctions"), pipeline.outputs["StateMachineArn"]
    listed = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return {each["executionArn"] for each in listed}


def ended(pipeline: Pipeline, arn: str, state: str) -> None:
    """Wait for the end of an execution, which has to be this one, told of once."""
    run = pipeline.ended(arn)
    assert (run.status, run.states[-1]) == ("SUCCEEDED", state), (run.error, run.cause)
    [mail] = pipeline.mails(run)
    assert mail.subject.lower().startswith(state.lower())


def test_runs_of_the_last_release_end_as_they_would_have(upgraded: Pipeline, build: Path) -> None:
    upgraded.admin.inject("endpoint-never-ready=2")
    opening = started(upgraded, "opening", BETTER, "Wait For Endpoint")
    with upgraded.admin.working():
        training = started(upgraded, "training", WORSE, "Wait For Customization Job")
        deploy_translated(upgraded.cloud, build, STACK, PARAMETERS)
    assert going(upgraded) == {opening, training}
    ended(upgraded, opening, "Model Promoted")
    ended(upgraded, training, "Model Not Promoted")
    assert len(upgraded.endpoints_of("opening")) == 1
    assert upgraded.endpoints_of("training") == []


def test_a_release_that_refuses_what_this_one_passes_on_does_not_disturb_its_runs(
    upgraded: Pipeline, build: Path, tmp_path: Path
) -> None:
    deploy_translated(upgraded.cloud, build, STACK, PARAMETERS)
    following = shutil.copytree(build, tmp_path / "following")
    (planned,) = following.glob("FineTuneLayer/python/finetune/run.py")
    text = planned.read_text()
    planned.write_text(
        text.replace("    first_delivery: bool\n", "    first_delivery: bool\n    of_the_next_release: str\n")
    )
    assert planned.read_text() != text
    for compiled in planned.parent.glob("__pycache__/run.*"):
        compiled.unlink()
    # A built template names its definition by a path from its own folder.
    template = following / "template.yaml"
    template.write_text(template.read_text().replace("DefinitionUri: ", f"DefinitionUri: {build}/"))
    upgraded.close_endpoints()
    upgraded.admin.inject("endpoint-never-ready=2")
    arn = started(upgraded, "between", BETTER, "Wait For Endpoint")
    with upgraded.admin.working():
        deploy_translated(upgraded.cloud, following, STACK, PARAMETERS)
    assert going(upgraded) == {arn}
    ended(upgraded, arn, "Model Promoted")
    assert len(upgraded.endpoints_of("between")) == 1


def test_a_stack_that_is_deleted_while_a_job_runs_leaves_nothing_billed_but_models_that_it_names(
    upgraded: Pipeline, build: Path
) -> None:
    deploy_translated(upgraded.cloud, build, STACK, PARAMETERS)
    upgraded.admin.clear_faults()
    with upgraded.admin.working():
        started(upgraded, "leaving", BETTER, "Wait For Customization Job")
        delete(upgraded)
        ledger = upgraded.admin.ledger()
    [job] = [job for job in ledger.jobs if job.name.startswith("leaving-")]
    assert job.status in {"Stopping", "Stopped"}
    assert [
        each.arn for each in ledger.endpoints if each.arn in ledger.open and each.tags["finetune-stack"] == STACK
    ] == []
    [mail] = [mail for mail in upgraded.cloud.mails() if mail.subject == f"Stack deleted: {STACK}"]
    kept = {
        each.name
        for each in ledger.models
        if each.deleted_at is None and each.name.startswith(("opening-", "training-", "between-"))
    }
    assert {name for name in kept if name not in mail.body} == set()
    assert ("No custom model stays." in mail.body) == (not kept)
