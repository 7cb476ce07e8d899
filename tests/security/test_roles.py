"""What whoever took over a function could not do: mark, overwrite or read what is not its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from finetune.aws import billed, runs, storage
from finetune.aws.tags import LEASE_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG, is_own
from finetune.domain.catalog import base_model
from finetune.run import Champion, DatasetDropped
from finetune.settings import Settings
from local.bedrock.policy import Question, decide
from tests.emulator import ACCOUNT, REGION
from tests.integration.deployed import Deployed
from tests.integration.fakes import NOVA, STACK, Stack
from tests.simulation.permissions import of_bucket, policy
from tests.template import ARTIFACTS, DATASETS
from tests.template import STACK as SIMULATED
from tools.project import resources

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BEDROCK = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
RUN = "runs/shop/20261121-120000-ce3e9a36"
RUN_OF = "20261121-120000-ce3e9a36"


# Tags


def may_tag(stem: str, kind: str, *keys: str, of: str | None = None) -> bool:
    """Whether a function may tag a resource with the stack's tag and these, if it has the tag `of` a stack already."""
    asked: dict[str, Any] = {"aws:RequestTag/finetune-stack": SIMULATED, "aws:TagKeys": ["finetune-stack", *keys]}
    asked |= {"aws:ResourceTag/finetune-stack": of} if of else {}
    return decide(policy(stem), Question("bedrock:TagResource", f"{BEDROCK}:{kind}/x", asked)) == "allowed"


CREATING = [
    ("StartCustomization", "model-customization-job"),
    ("StartCustomization", "custom-model"),
    ("OpenEndpoint", "custom-model-deployment"),
    ("ProvisionThroughput", "provisioned-model"),
]


@pytest.mark.parametrize(("stem", "kind"), CREATING)
def test_what_another_stack_has_made_keeps_its_tag_and_nothing_else_is_tagged(stem: str, kind: str) -> None:
    assert may_tag(stem, kind)
    assert may_tag(stem, kind, "finetune-run", of=SIMULATED)
    assert not may_tag(stem, kind, of="another")
    assert not may_tag(stem, kind, "cost-center")
    assert not may_tag(stem, "guardrail")


@pytest.mark.parametrize("stem", ["Notify", "CleanUpRun", "SweepEndpoints"])
def test_who_dates_models_tags_none_but_the_stack_s(stem: str) -> None:
    assert may_tag(stem, "custom-model", "finetune-delete-after", of=SIMULATED)
    assert not may_tag(stem, "custom-model")
    assert not may_tag(stem, "custom-model-deployment", of=SIMULATED)
    assert not may_tag(stem, "custom-model", "owner", of=SIMULATED)


def marked(run: str = RUN_OF, project: str = "shop", stack: str = STACK) -> dict[str, str]:
    return {STACK_TAG: stack, PROJECT_TAG: project, RUN_TAG: run, LEASE_TAG: "2020-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("production", marked()),
        ("production-llm", marked(project="production", run="llm")),
        ("production", marked(project="production", run="")),
        (f"-{RUN_OF}", marked(project=".*")),
        (f"shop-{RUN_OF}-production", marked()),
        (f"shop-{RUN_OF}", marked(stack="another")),
        (f"shop-{RUN_OF}", {STACK_TAG: STACK}),
    ],
)
def test_a_tag_alone_makes_nothing_the_stack_s(name: str, tags: dict[str, str]) -> None:
    assert not is_own(name, tags, STACK)
    assert is_own(f"shop-{RUN_OF}", marked(), STACK)
    assert is_own(f"shop-{RUN_OF}-c2", marked(), STACK)


def test_the_sweeper_leaves_a_foreign_endpoint_that_somebody_gave_the_stack_s_tags(stack: Stack) -> None:
    deployed = Deployed(stack, stack.bucket, stack.executions)
    model, given = stack.emulator.add_model("theirs", NOVA), marked()
    tags = [{"key": key, "value": value} for key, value in given.items()]
    foreign = stack.open("production", model, "on_demand", tags)
    left_behind = stack.open(f"shop-{RUN_OF}", model, "on_demand", tags)
    deployed.later()
    assert deployed.sweep().released == (left_behind.arn,)
    assert stack.open_arns() == {foreign.arn}
    account = billed.everything(stack.emulator.control, stack.ssm, STACK, one_by_one=True)
    assert [each.arn for each in account.billed] == []


@pytest.mark.parametrize("stem", ["OpenEndpoint", "ProvisionThroughput"])
@pytest.mark.parametrize("action", ["CreateCustomModelDeployment", "CreateProvisionedModelThroughput"])
def test_no_endpoint_is_opened_for_a_model_of_another_stack(stem: str, action: str) -> None:
    def may(**tags: str) -> bool:
        context = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        return decide(policy(stem), Question(f"bedrock:{action}", f"{BEDROCK}:custom-model/x", context)) == "allowed"

    assert may(**{STACK_TAG: SIMULATED})
    assert not may(**{STACK_TAG: "another"})


# What is written once


def denied(bucket: str, key: str, **context: str) -> bool:
    caller = {"aws:PrincipalArn": "PrepareDatasetFunctionRole", "aws:SecureTransport": "true"}
    asked = {**caller, "s3:ObjectCreationOperation": "true", **context}
    return (
        decide(of_bucket(f"arn:aws:s3:::{bucket}"), Question("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", asked))
        == "explicitDeny"
    )


ONCE = [
    (ARTIFACTS, "claims/0a.json"),
    (ARTIFACTS, f"{RUN}/run.json"),
    (ARTIFACTS, f"{RUN}/plan.json"),
    (ARTIFACTS, f"{RUN}/staged/training-0a.jsonl"),
    (ARTIFACTS, f"{RUN}/staged/evaluation-0a.jsonl"),
    (ARTIFACTS, f"{RUN}/fence-0.json"),
    (ARTIFACTS, "approvals/shop/0-0-training/decision-0.json"),
    (ARTIFACTS, "outbox/shop.json"),
    (ARTIFACTS, "places/on_demand/1-0.json"),
    (ARTIFACTS, "promotions/shop/after-None-0.json"),
    (DATASETS, f"{RUN}/staged/training-0a.jsonl"),
]
AGAIN = [
    (ARTIFACTS, f"{RUN}/plan-1.json"),
    (ARTIFACTS, f"{RUN}/answers/base/000.jsonl"),
    (ARTIFACTS, f"{RUN}/report.html"),
    (ARTIFACTS, f"{RUN}/output/model-customization-job-1/training_artifacts/step_wise_training_metrics.csv"),
    (ARTIFACTS, "mails/shop.json"),
    (DATASETS, "incoming/shop/data.jsonl"),
    (DATASETS, "projects/shop/settings.yaml"),
]


@pytest.mark.parametrize(("bucket", "key"), ONCE)
def test_the_bucket_lets_nobody_overwrite_what_is_written_once(bucket: str, key: str) -> None:
    assert denied(bucket, key)
    assert not denied(bucket, key, **{"s3:if-none-match": "*"})
    # A part of a large file; the request that completes it creates the object.
    assert not denied(bucket, key, **{"s3:ObjectCreationOperation": "false"})


@pytest.mark.parametrize(("bucket", "key"), AGAIN)
def test_everything_else_may_be_written_again(bucket: str, key: str) -> None:
    assert not denied(bucket, key)


@pytest.mark.parametrize("size", [10, storage.CHUNK + 10])
def test_of_two_that_stage_a_file_at_the_same_time_one_writes_and_the_other_has_nothing_to_do(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    uri = "s3://artifacts/runs/shop/r/staged/training-0a.jsonl"
    monkeypatch.setattr(storage, "keys_under", lambda *_: [])
    wrote = [storage.upload_once(s3, uri, io.BytesIO(each * size), "text/plain") for each in (b"a", b"b")]
    assert wrote == [True, False]
    assert storage.read(s3, uri) == b"a" * size
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="artifacts")


def test_a_plan_is_written_once_and_whoever_plans_again_goes_on_with_it(s3: S3Client) -> None:
    run = runs.identify(
        DatasetDropped.model_validate(
            {
                "bucket": "datasets",
                "key": "incoming/shop/a.csv",
                "version_id": "v",
                "event_time": "2026-11-21T12:00:00Z",
            }
        ),
        artifact_bucket="artifacts",
        execution_arn="arn:first",
    )
    settings = Settings()
    champion = Champion(endpoint_arn="arn:e", model_arn="arn:m", run_id="r")
    first = runs.plan(s3, run, settings, base_model(settings.base_model), None)
    again = runs.plan(s3, run, Settings(retrain=True), base_model(settings.base_model), champion)
    assert again == first == runs.read_plan(s3, run)
    rematch = runs.plan_rematch(s3, first, champion)
    assert (rematch.champion, rematch.rematches) == (champion, 1)
    assert runs.read_plan(s3, run) == first
    assert storage.read(s3, run.uri("plan-1.json"))


# What each role may not do


FORBIDDEN = [
    ("EvaluateShard", "s3:GetObject", ARTIFACTS, f"{RUN}/staged/training-0a.jsonl"),
    ("JudgeEvaluation", "s3:GetObject", ARTIFACTS, f"{RUN}/staged/training-0a.jsonl"),
    ("PlanRematch", "s3:GetObject", ARTIFACTS, f"{RUN}/staged/validation-0a.jsonl"),
    ("PlanRematch", "s3:PutObject", ARTIFACTS, f"{RUN}/plan.json"),
    ("PlanRun", "s3:GetObject", DATASETS, "projects/shop/media/cat.png"),
    ("PlanRun", "s3:GetObject", DATASETS, "incoming/shop/data.jsonl"),
    ("PlanRun", "s3:PutObject", ARTIFACTS, f"{RUN}/plan-1.json"),
    ("ValidateDataset", "s3:GetObject", DATASETS, "projects/shop/media/cat.png"),
    ("ValidateDataset", "s3:GetObject", DATASETS, "projects/shop/settings.yaml"),
    ("PrepareDataset", "s3:GetObject", DATASETS, "projects/shop/media/cat.png"),
    ("PrepareDataset", "s3:GetObject", DATASETS, "projects/shop/settings.yaml"),
    ("RequestApproval", "s3:GetObject", DATASETS, "projects/shop/evaluation.jsonl"),
    ("Decide", "s3:GetObject", DATASETS, "projects/shop/evaluation.jsonl"),
    ("StartCustomization", "s3:GetObject", DATASETS, "projects/shop/media/cat.png"),
    ("StartCustomization", "s3:PutObject", ARTIFACTS, f"{RUN}/media.jsonl"),
]


@pytest.mark.parametrize(("stem", "action", "bucket", "key"), FORBIDDEN)
def test_a_role_has_its_own_part_of_the_buckets(stem: str, action: str, bucket: str, key: str) -> None:
    for named in {action, action.replace("GetObject", "GetObjectVersion")}:
        assert decide(policy(stem), Question(named, f"arn:aws:s3:::{bucket}/{key}", {})) == "implicitDeny"


def test_start_customization_lists_media_and_nothing_else_of_the_dataset_bucket() -> None:
    def may(prefix: str) -> bool:
        question = Question("s3:ListBucket", f"arn:aws:s3:::{DATASETS}", {"s3:prefix": prefix})
        return decide(policy("StartCustomization"), question) == "allowed"

    assert may("projects/shop/media/")
    assert not any(map(may, ("", "incoming/", "projects/", "projects/shop/", "runs/shop/")))


def test_only_the_stack_s_rules_may_leave_dead_letters() -> None:
    [queue] = resources("AWS::SQS::QueuePolicy").values()
    [send] = [each for each in queue["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name in resources("AWS::Events::Rule")]
    assert send["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}
