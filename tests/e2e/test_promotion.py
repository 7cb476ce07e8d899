"""A project's life in service: promoted, failed, aborted, swapped, rolled back, moved to throughput, and told of."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from finetune.domain.customization.jobs import resource_name
from tests.e2e.pipeline import EXAMPLE, Execution, Pipeline, finetune
from tests.waiting import eventually

DATASET = (EXAMPLE / "dataset.jsonl").read_bytes()
WORSE = (EXAMPLE / "worse.jsonl").read_bytes()
SMALL = b"".join(DATASET.splitlines(keepends=True)[:150])
# Lenient, because these tests are about what follows a verdict.
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text()) | {"gates": {"confidence": 0.5}}
EVALUATION = EXAMPLE / "evaluation.jsonl"
BY_THE_HOUR = {
    "deployment": "provisioned",
    "prices": {"provisioned_per_hour": 20.0},
    "budget": {"limit_usd": 500},
}


@pytest.fixture(autouse=True)
def _no_faults_left(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()


def published(pipeline: Pipeline, project: str) -> dict[str, Any]:
    name = f"{pipeline.outputs['EndpointParameterPath']}/{project}/endpoint"
    value: dict[str, Any] = json.loads(pipeline.cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    return value


def serving(pipeline: Pipeline, arn: str) -> str:
    return next(each.model_arn for each in pipeline.admin.ledger().endpoints if each.arn == arn)


def drop(pipeline: Pipeline, project: str, data: bytes, *faults: str, **settings: Any) -> Execution:
    pipeline.configure(project, {**SETTINGS, **settings}, EVALUATION)
    pipeline.admin.inject(*faults)
    return pipeline.drop(f"{project}/data.jsonl", data)


def test_the_doctor_finds_the_deployed_stack_right_but_for_what_the_local_cloud_cannot_tell(pipeline: Pipeline) -> None:
    found = json.loads(finetune(pipeline, "doctor", "--json").stdout)["result"]
    # Other tests of this cloud leave runs that failed, and the catalog's prices age while nobody changes the code.
    states = {each["name"]: each["state"] for each in found["lines"] if each["name"] not in {"ends", "prices"}}
    assert {name: state for name, state in states.items() if state != "ok"} == {
        "sweeper": "not asked",
        "roles": "not asked",
    }


@pytest.fixture(scope="module")
def shop(pipeline: Pipeline) -> dict[str, Any]:
    """A project whose first model, of a small dataset, is in service."""
    pipeline.admin.clear_faults()
    pipeline.close_endpoints()
    run = drop(pipeline, "shop", SMALL)
    assert run.states[-1] == "Model Promoted", run.cause or run.output["evaluation"]
    return published(pipeline, "shop")


def assert_as_before(pipeline: Pipeline, before: dict[str, Any]) -> None:
    """The first model is in service and published, and nothing else is open."""
    eventually(lambda: serving(pipeline, before["endpoint_arn"]) == before["model_arn"] or None, "the model's return")
    eventually(lambda: published(pipeline, "shop") == before or None, "the published parameter as it was")
    eventually(lambda: pipeline.endpoints_of("shop") == [before["endpoint_arn"]] or None, "the other endpoints' end")


def test_a_swap_that_fails_leaves_the_previous_model_in_service(pipeline: Pipeline, shop: dict[str, Any]) -> None:
    run = drop(pipeline, "shop", DATASET, "update-fails")
    assert (run.status, run.error) == ("FAILED", "EndpointFailed")
    assert "did not take the new model" in (run.cause or "")
    assert_as_before(pipeline, shop)
    assert len(pipeline.mails(run)) == 1


def test_a_better_model_takes_over_behind_the_same_endpoint_and_can_be_rolled_back(
    pipeline: Pipeline, shop: dict[str, Any]
) -> None:
    run = drop(pipeline, "shop", DATASET)
    assert run.states[-1] == "Model Promoted", run.cause or run.output["evaluation"]
    # Its content was trained by the run whose swap failed.
    assert "Earlier Model" in run.states
    assert len(pipeline.jobs_of("shop")) == 2
    after = published(pipeline, "shop")
    assert after["endpoint_arn"] == shop["endpoint_arn"]
    assert after["model_arn"] == run.output["model"]["model_arn"] == serving(pipeline, after["endpoint_arn"])
    assert (after["previous_model_arn"], after["previous_run_id"]) == (shop["model_arn"], shop["run_id"])
    assert pipeline.endpoints_of("shop") == [shop["endpoint_arn"]]

    told = finetune(pipeline, "status", "shop")
    assert (told.returncode, told.stderr) == (0, "")
    for words in ("on-demand deployment, answering", after["model_arn"], "incoming/shop/data.jsonl (version ", "idle"):
        assert words in told.stdout

    back = finetune(pipeline, "rollback", "shop", "--json")
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["result"]["model"] == shop["model_arn"] == serving(pipeline, shop["endpoint_arn"])
    assert published(pipeline, "shop")["previous_model_arn"] == after["model_arn"]


def approved(pipeline: Pipeline, project: str, data: bytes, **settings: Any) -> Execution:
    """A run that asks before service, and that somebody approves with the command."""
    pipeline.configure(project, {**SETTINGS, **settings}, EVALUATION)
    version = pipeline.put(f"incoming/{project}/data.jsonl", data)
    arn = eventually(lambda: pipeline.execution_of(version), "an execution")
    pipeline.reached(arn, "Request Approval For Service")

    def asks() -> str | None:
        waiting = json.loads(finetune(pipeline, "approvals", project, "--json").stdout)["result"]["waiting"]
        return waiting[0]["run"] if waiting else None

    name = eventually(asks, "a question")
    told = finetune(pipeline, "approve", name, "--reason", "agreed")
    assert told.returncode == 0, told.stderr
    late = finetune(pipeline, "reject", name)
    assert (late.returncode, "was already approved by arn:aws:" in late.stderr) == (1, True)
    return pipeline.ended(arn)


def test_a_project_that_asks_for_throughput_gets_it_approved_asked_and_published_before_the_deployment_goes(
    pipeline: Pipeline, shop: dict[str, Any]
) -> None:
    run = approved(pipeline, "shop", DATASET, **BY_THE_HOUR)
    assert run.output["approval"]["reason"] == "agreed"
    assert run.states[-1] == "Model Promoted", run.cause or run.output["evaluation"]
    after = published(pipeline, "shop")
    assert after["kind"] == "provisioned"
    assert after["previous_model_arn"] == shop["model_arn"]
    assert pipeline.endpoints_of("shop") == [after["endpoint_arn"]]
    bought = pipeline.cloud.client("bedrock").get_provisioned_model_throughput(provisionedModelId=after["endpoint_arn"])
    assert (bought["modelUnits"], bought.get("commitmentDuration")) == (1, None)
    question, mail = pipeline.mails(run)
    assert question.subject == "Approval needed before service: shop"
    assert "billed by the hour" in mail.body
    told = json.loads(finetune(pipeline, "status", "--json").stdout)["result"]
    [project] = [each for each in told["projects"] if each["project"] == "shop"]
    assert project["prices"] == {"provisioned_per_hour": 20.0, "provisioned_per_month": 14600.0}
    assert project["state"] == "answering"


def test_a_deployment_that_a_quota_refuses_is_evaluated_on_throughput_and_served_on_demand_after_all(
    pipeline: Pipeline,
) -> None:
    pipeline.close_endpoints()
    run = drop(pipeline, "squeezed", SMALL, "quota-create-deployment", **{**BY_THE_HOUR, "deployment": "on_demand"})
    assert run.output["endpoint"]["kind"] == "provisioned"
    assert run.states[-1] == "Model Promoted", run.cause or run.output["evaluation"]
    assert published(pipeline, "squeezed")["kind"] == "on_demand"
    assert pipeline.endpoints_of("squeezed") == [published(pipeline, "squeezed")["endpoint_arn"]]


def test_a_promotion_deletes_the_models_that_the_settings_no_longer_keep_and_the_mail_names_them(
    pipeline: Pipeline,
) -> None:
    pipeline.close_endpoints()
    settings = {**SETTINGS, "retention": {"models": 2}}
    first = drop(pipeline, "kept", SMALL, **settings)
    assert first.states[-1] == "Model Promoted", first.output["evaluation"]
    others = [b"".join(WORSE.splitlines(keepends=True)[number:]) for number in (0, 1)]
    lost = [
        pipeline.drop(f"kept/{number}.jsonl", data).output["model"]["model_name"] for number, data in enumerate(others)
    ]
    bedrock = pipeline.cloud.client("bedrock")
    for name in lost:  # as if their days had passed, but for the sweeper
        arn = bedrock.get_custom_model(modelIdentifier=name)["modelArn"]
        bedrock.untag_resource(resourceARN=arn, tagKeys=["finetune-delete-after"])
    last = drop(pipeline, "kept", DATASET, **settings)
    assert last.states[-1] == "Model Promoted", last.output["evaluation"]
    in_service, before = (run.output["model"]["model_name"] for run in (last, first))
    models = [each for each in pipeline.admin.ledger().models if each.name.startswith("kept-")]
    left = {each.name for each in models if each.deleted_at is None}
    assert {in_service, before} < left
    assert len(left) == 3
    [deleted] = last.output["promotion"]["deleted_models"]
    assert left | {deleted} == {in_service, before, *lost}
    assert last.output["promotion"]["retention_problem"] is None
    [mail] = pipeline.mails(last)
    assert f"Custom models deleted according to retention.models:\n  {deleted}" in mail.body


def test_the_commands_say_what_is_not_there_and_what_is_open_beside(pipeline: Pipeline) -> None:
    nothing = finetune(pipeline, "status", "nobody")
    assert (nothing.returncode, nothing.stdout) == (1, "Project nobody of stack finetune has nothing in service.\n")
    nowhere = finetune(pipeline, "rollback", "nobody")
    assert (nowhere.returncode, nowhere.stderr) == (1, "finetune: Project nobody has nothing in service.\n")
    missing = finetune(pipeline, "status", "--stack", "elsewhere")
    assert missing.returncode == 2
    assert missing.stderr.startswith("finetune: There is no stack 'elsewhere' in us-east-1;")

    model = next(each for each in pipeline.admin.ledger().models if each.name.startswith("squeezed-"))
    run = "20260101-000000-0123abcd"
    tags = {"finetune-stack": "finetune", "finetune-project": "loose", "finetune-run": run}
    pipeline.admin.inject("conflict-delete-deployment:always")
    pipeline.cloud.client("bedrock").create_custom_model_deployment(
        modelDeploymentName=resource_name("loose", run),
        modelArn=model.arn,
        tags=[{"key": key, "value": tags[key]} for key in tags],
    )
    told = finetune(pipeline, "status", "loose")
    assert told.returncode == 0
    assert f"is open but not published. It belongs to run {run} of loose" in told.stderr
    pipeline.admin.clear_faults()
    eventually(lambda: None if pipeline.endpoints_of("loose") else True, "the sweeper")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "You must specify a region"),
    ],
)
def test_without_credentials_or_region_a_command_says_so_in_one_sentence(
    pipeline: Pipeline, changed: dict[str, str], words: str
) -> None:
    given = pipeline.cloud.environment() | changed
    told = finetune(pipeline, "status", **{name: value for name, value in given.items() if value})
    assert (told.returncode, told.stdout) == (2, "")
    assert words in told.stderr
    assert told.stderr.count("\n") == 1
