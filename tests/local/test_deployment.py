"""A small SAM template, built and deployed, does on the local cloud what it would do on AWS."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.deployment import DeploymentError, build, deploy
from tests.deploying import deploy_translated
from tests.local.conftest import Workbench
from tests.waiting import LAST_RESORT_SECONDS, eventually

PROJECT = Path(__file__).parent / "fixtures" / "hello"
PARAMETERS = {"Recipient": "anna@example.com"}
KEYS = [
    "incoming/plain.jsonl",
    "incoming/deep/er.jsonl",
    "incoming/with space + plus %25 percent.jsonl",
    "incoming/größe.jsonl",
    "incoming/\"quoted\" 'twice'.jsonl",
    "incoming/back\\slash.jsonl",
    "incoming/<key>.jsonl",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(PROJECT, tmp_path_factory.mktemp("builds"))


@pytest.fixture(scope="module")
def outputs(cloud: Cloud, built: Path) -> dict[str, str]:
    return deploy_translated(cloud, built, "hello", PARAMETERS)


def executions(cloud: Cloud, outputs: dict[str, str]) -> list[dict[str, Any]]:
    """Every execution of the stack's machine, with its input parsed."""
    client = cloud.client("stepfunctions")
    listed = client.list_executions(stateMachineArn=outputs["StateMachine"])["executions"]
    described = [client.describe_execution(executionArn=item["executionArn"]) for item in listed]
    return [execution | {"input": json.loads(execution["input"])} for execution in described]


def execution_for(cloud: Cloud, outputs: dict[str, str], key: str) -> dict[str, Any]:
    """The execution that the object `key` started."""
    return eventually(
        lambda: next((run for run in executions(cloud, outputs) if run["input"]["object"]["key"] == key), None)
    )


def test_a_stack_is_deployed_in_the_other_region_too(built: Path, tmp_path: Path) -> None:
    with Cloud.start(tmp_path, region="us-west-2", bedrock=False) as cloud:
        outputs = deploy_translated(cloud, built, "hello", PARAMETERS)
    assert outputs["StateMachine"].startswith("arn:aws:states:us-west-2:")


@pytest.mark.parametrize("key", KEYS)
def test_an_object_starts_an_execution_with_its_key_as_it_is(
    cloud: Cloud, workbench: Workbench, outputs: dict[str, str], key: str
) -> None:
    stored = cloud.client("s3").put_object(Bucket=outputs["Bucket"], Key=key, Body=key.encode())

    execution = workbench.finished(execution_for(cloud, outputs, key)["executionArn"])

    assert json.loads(execution["input"])["object"]["version"] == stored["VersionId"]
    assert execution["output"]["greeting"] == {"greeting": key.upper(), "remembered": key}
    assert key.upper() in [mail.body for mail in cloud.mails()]


def test_an_object_that_the_pattern_does_not_match_starts_nothing(
    cloud: Cloud, workbench: Workbench, outputs: dict[str, str]
) -> None:
    for key in ("incoming/table.parquet", "runs/plain.jsonl", "incoming/last.jsonl"):
        cloud.client("s3").put_object(Bucket=outputs["Bucket"], Key=key, Body=b"x")

    workbench.finished(execution_for(cloud, outputs, "incoming/last.jsonl")["executionArn"])

    keys = {execution["input"]["object"]["key"] for execution in executions(cloud, outputs)}
    assert keys.isdisjoint({"incoming/table.parquet", "runs/plain.jsonl"})


def test_an_execution_that_fails_is_told_with_its_input_and_error(
    cloud: Cloud, workbench: Workbench, outputs: dict[str, str]
) -> None:
    cloud.client("s3").put_object(Bucket=outputs["Bucket"], Key="incoming/big.jsonl", Body=b"x" * 2000)

    execution = workbench.finished(execution_for(cloud, outputs, "incoming/big.jsonl")["executionArn"])

    assert (execution["error"], execution["cause"]) == ("TooLarge", "The object incoming/big.jsonl is too large.")
    queue = cloud.client("sqs")
    (message,) = eventually(lambda: queue.receive_message(QueueUrl=outputs["Queue"]).get("Messages"))
    detail = json.loads(message["Body"])["detail"]
    assert (detail["status"], detail["executionArn"]) == ("FAILED", execution["executionArn"])
    assert json.loads(detail["input"])["object"]["key"] == "incoming/big.jsonl"


def test_a_schedule_runs_on_the_scaled_clock(cloud: Cloud, outputs: dict[str, str]) -> None:
    def swept_twice() -> bool:
        group = f"/aws/lambda/{outputs['Function']}"
        events = cloud.client("logs").filter_log_events(logGroupName=group, filterPattern="sweeping")["events"]
        return len(events) >= 2

    assert eventually(swept_twice)


def test_an_update_changes_the_stack(cloud: Cloud, built: Path, workbench: Workbench, outputs: dict[str, str]) -> None:
    assert workbench.invoke(outputs["Function"], {})[1] == {"greeting": "HELLO"}

    updated = deploy_translated(cloud, built, "hello", PARAMETERS | {"Greeting": "moin"})

    assert updated == outputs
    assert workbench.invoke(outputs["Function"], {})[1] == {"greeting": "MOIN"}


def named_function(cloud: Cloud, outputs: dict[str, str]) -> str:
    """The function that the stack's definition names."""
    machine = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=outputs["StateMachine"])
    return str(json.loads(machine["definition"])["States"]["Greet"]["Resource"])


def test_a_changed_layer_is_a_new_version_in_the_definition_and_the_old_one_keeps_its_code(
    cloud: Cloud, built: Path, workbench: Workbench, tmp_path: Path
) -> None:
    outputs = deploy_translated(cloud, built, "versions", PARAMETERS)
    old = named_function(cloud, outputs)
    changed = shutil.copytree(built, tmp_path / "built")  # as deep as the other, which names sources by relative paths
    (shared,) = changed.glob("SharedLayer/python/shared/__init__.py")
    shared.write_text("def shout(text): return text.title()")

    deploy_translated(cloud, changed, "versions", PARAMETERS)

    new = named_function(cloud, outputs)
    assert [arn.rpartition(":")[2] for arn in (old, new)] == ["1", "2"]
    answers = [workbench.invoke(arn, {})[1]["greeting"] for arn in (old, new, outputs["Function"], old)]
    assert answers == ["HELLO", "Hello", "Hello", "HELLO"]


def test_the_layer_comes_from_the_deployed_archive_and_packages_from_this_environment(
    cloud: Cloud, workbench: Workbench, outputs: dict[str, str]
) -> None:
    layers = cloud.client("lambda").get_function_configuration(FunctionName=outputs["Function"])["Layers"]
    code = "import boto3, shared\ndef handler(event, context): return [shared.__file__, boto3.__file__]"
    function = workbench.function(code, Layers=[layer["Arn"] for layer in layers])

    _, (shared, packages) = workbench.invoke(function)

    assert Path(shared).is_relative_to(cloud.state / "code")
    assert "site-packages" in packages


def test_sam_deploys_the_same_template_updates_and_deletes_it(cloud: Cloud, built: Path, workbench: Workbench) -> None:
    first = deploy(cloud, built, "by-sam", PARAMETERS | {"Greeting": "good morning"})
    assert workbench.invoke(first["Function"], {})[1] == {"greeting": "GOOD MORNING"}

    assert deploy(cloud, built, "by-sam", PARAMETERS | {"Greeting": "good morning"}) == first

    cloudformation = cloud.client("cloudformation")
    cloudformation.delete_stack(StackName="by-sam")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="by-sam", WaiterConfig={"Delay": 1, "MaxAttempts": LAST_RESORT_SECONDS}
    )
    machines = cloud.client("stepfunctions").list_state_machines()["stateMachines"]
    assert first["StateMachine"] not in [machine["stateMachineArn"] for machine in machines]


def test_a_build_is_repeated_only_when_a_source_changes(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "functions").mkdir(parents=True)
    resources = {"Topic": {"Type": "AWS::SNS::Topic"}}
    (project / "template.yaml").write_text(json.dumps({"Resources": resources}))
    first = build(project, tmp_path / "builds")
    (first / "template.yaml").write_text("untouched")

    assert build(project, tmp_path / "builds") == first
    assert (first / "template.yaml").read_text() == "untouched"

    (project / "functions" / "app.py").write_text("")
    second = build(project, tmp_path / "builds")
    assert second != first
    assert (second / "template.yaml").read_text() != "untouched"


def test_a_template_that_cannot_be_built_is_one_clear_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").write_text("Resources: [")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    with pytest.raises(DeploymentError, match=r"`sam build` failed with exit status 1"):
        build(tmp_path, tmp_path / "builds")

    assert [*(tmp_path / "temporary").iterdir(), *(tmp_path / "builds").iterdir()] == []


def test_a_stack_that_fails_names_the_resource_and_the_reason(cloud: Cloud, tmp_path: Path) -> None:
    broken = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::000000000000:role/none",
            "Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}},
        },
    }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Broken": broken}}
    (tmp_path / "template.yaml").write_text(json.dumps(template))

    with pytest.raises(DeploymentError, match=r"(?s)ended as .*Broken: .*MISSING_TRANSITION_TARGET: A -> B"):
        deploy_translated(cloud, tmp_path, "broken", {})
