"""Who has a part in a project may do what the part needs there, and nothing else, in this project or beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finetune.domain.customization.projects import project_slug
from finetune_cli.access import Place, policy_of, require_one_project
from finetune_cli.answer import UsageFailure
from finetune_cli.commands.access import PARTS
from local.bedrock.policy import Question, decide, statements
from tests.simulation.permissions import of_bucket
from tests.template import ARTIFACTS, DATASETS, MACHINE, STACK
from tools.project import resources
from tools.project import statements as of_function

PLACE = Place(
    "Shop",
    project_slug("Shop"),
    DATASETS,
    ARTIFACTS,
    MACHINE,
    "finetune-decide",
    STACK,
    "arn:aws:kms:us-east-1:123456789012:key/k",
)
SLUG = PLACE.slug
EXECUTIONS = MACHINE.replace(":stateMachine:", ":execution:")


def may(part: str, action: str, resource: str, **context: str) -> bool:
    """What IAM says of somebody who has this part and no other permission."""
    given = {"aws:PrincipalArn": "arn:aws:iam::123456789012:user/ada", "aws:SecureTransport": "true", **context}
    own = statements(json.dumps(policy_of(part, PLACE)))
    return decide([*own, *of_bucket(resource.partition("/")[0])], Question(action, resource, given)) == "allowed"


def s3(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


OWN = {
    ("s3:PutObject", s3(DATASETS, "incoming/Shop/a.jsonl")): {"supplier", "owner"},
    ("s3:PutObject", s3(DATASETS, "projects/Shop/settings.yaml")): {"owner"},
    ("s3:GetObject", s3(DATASETS, "projects/Shop/media/a.png")): {"owner"},
    ("s3:GetObject", s3(ARTIFACTS, f"runs/{SLUG}/r1/report.html")): {"owner", "reader", "approver"},
    ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:123456789012:parameter/finetune/{SLUG}/endpoint"): {
        "owner",
        "reader",
        "approver",
    },
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:finetune-decide"): {"approver"},
    ("s3:GetObject", s3(ARTIFACTS, "approvals/k/q.json")): {"approver"},
    # What `finetune show` asks
    ("s3:GetObject", s3(ARTIFACTS, f"runs/{SLUG}/r1/plan.json")): {"owner", "reader", "approver"},
    ("states:GetExecutionHistory", f"{EXECUTIONS}:{SLUG}-20261121-103005-0badcafe"): {"owner", "reader", "approver"},
    ("cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:123456789012:stack/finetune/1"): {
        "owner",
        "reader",
        "approver",
    },
}


def each(action: str, bucket: str, keys: str) -> list[tuple[str, str]]:
    return [(action, s3(bucket, key)) for key in keys.split()]


RUN = f"runs/{SLUG}/r1"
OTHERS = [
    *each(
        "s3:PutObject", DATASETS, "incoming/other/a.jsonl incoming/Shop2/a.jsonl incoming/Shop.jsonl incoming/a.jsonl"
    ),
    *each(
        "s3:PutObject", DATASETS, "incoming/./Shop/a.jsonl incoming//Shop/a.jsonl incoming/shop/a.jsonl incoming/Shop"
    ),
    *each("s3:PutObject", DATASETS, f"projects/other/settings.yaml projects/Shop2/x {RUN}/staged/train.jsonl x"),
    *each(
        "s3:PutObject", ARTIFACTS, f"{RUN}/staged/train.jsonl {RUN}/plan.json {RUN}/report.html {RUN}/throughput-1.json"
    ),
    *each(
        "s3:PutObject",
        ARTIFACTS,
        "approvals/k/a.json claims/x.json outbox/x.json answers-cache/x.jsonl tokens/k/t.json",
    ),
    *each("s3:PutObject", ARTIFACTS, "starts/x.json promotions/x.json trainings/x.json places/x.json mails/x.json"),
    *each("s3:DeleteObject", DATASETS, "incoming/Shop/a.jsonl projects/other/x"),
    *each("s3:DeleteObject", ARTIFACTS, f"claims/x.json {RUN}/run.json {RUN}/report.html"),
    *each("s3:GetObject", DATASETS, "incoming/Shop/a.jsonl incoming/other/a.jsonl projects/other/media/a.png"),
    *each(
        "s3:GetObject", ARTIFACTS, f"{RUN}/staged/train.jsonl {RUN}/answers/base/000.jsonl runs/other/r1/report.html"
    ),
    *each("s3:GetObject", ARTIFACTS, "tokens/k/t.json outbox/x.json mails/x.json claims/x.json"),
    *each("s3:PutObjectAcl", DATASETS, "incoming/Shop/a.jsonl"),
    *each("s3:PutObjectTagging", DATASETS, "incoming/Shop/a.jsonl"),
    *each("s3:DeleteObjectVersion", DATASETS, "incoming/Shop/a.jsonl"),
    *each("s3:GetObjectVersion", DATASETS, "incoming/Shop/a.jsonl"),
    ("s3:PutBucketPolicy", f"arn:aws:s3:::{DATASETS}"),
    ("s3:PutBucketNotification", f"arn:aws:s3:::{DATASETS}"),
    ("ssm:PutParameter", f"arn:aws:ssm:us-east-1:123456789012:parameter/finetune/{SLUG}/endpoint"),
    ("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/finetune/other/endpoint"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:finetune-plan-run"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:123456789012:function:finetune-decide"),
    ("states:StartExecution", MACHINE),
    ("states:StopExecution", f"{EXECUTIONS}:{SLUG}-20261121-103005-0badcafe"),
    ("states:GetExecutionHistory", f"{EXECUTIONS}:{SLUG}-too-20261121-103005-0badcafe"),
    ("cloudformation:DescribeStacks", "arn:aws:cloudformation:us-east-1:123456789012:stack/other/1"),
    ("states:SendTaskSuccess", "*"),
    ("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc"),
    ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/other"),
    ("iam:PassRole", "*"),
]


@pytest.mark.parametrize(("action", "resource"), OWN, ids=lambda each: each.rpartition("/")[2])
def test_a_part_may_do_what_it_needs(action: str, resource: str) -> None:
    assert {part for part in PARTS if may(part, action, resource)} == OWN[action, resource]


@pytest.mark.parametrize(("action", "resource"), OTHERS)
def test_no_part_may_do_anything_else(action: str, resource: str) -> None:
    assert {part for part in PARTS if may(part, action, resource)} == set()


@pytest.mark.parametrize("prefix", ["", "incoming/", "incoming/other/", "runs/", "runs/other/", "projects/"])
@pytest.mark.parametrize("part", PARTS)
def test_nobody_lists_more_than_the_own_folders(part: str, prefix: str) -> None:
    for bucket in (DATASETS, ARTIFACTS):
        assert not may(part, "s3:ListBucket", f"arn:aws:s3:::{bucket}", **{"s3:prefix": prefix})


def test_the_key_is_used_through_s3_only() -> None:
    assert PLACE.key_arn
    assert may("supplier", "kms:GenerateDataKey", PLACE.key_arn, **{"kms:ViaService": "s3.us-east-1.amazonaws.com"})
    assert not may("supplier", "kms:Decrypt", PLACE.key_arn, **{"kms:ViaService": "bedrock.us-east-1.amazonaws.com"})
    assert not may("reader", "kms:GenerateDataKey", PLACE.key_arn, **{"kms:ViaService": "s3.us-east-1.amazonaws.com"})


@pytest.mark.parametrize(
    "project",
    ["", "*", "sh?p", "${aws:username}", "a/b", "a/", "/", "..", ".", "../other", "a\nb", "x\x1b[2J", "a/../b"],
)
def test_a_name_that_means_more_than_one_folder_is_refused(project: str) -> None:
    with pytest.raises(UsageFailure, match="cannot be granted"):
        require_one_project(project)


# The buckets themselves, whatever somebody's own policies say


def everything(action: str, resource: str, principal: str) -> bool:
    allowed = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    given = {"aws:PrincipalArn": principal, "aws:SecureTransport": "true"}
    return decide([*allowed, *of_bucket(resource.partition("/")[0])], Question(action, resource, given)) == "allowed"


WRITES = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
IN_A_RUN = (
    "run.json",
    "plan.json",
    "staged/train.jsonl",
    "output/metrics.csv",
    "answers/base/000.jsonl",
    "report.html",
)
BESIDE = (
    "claims",
    "trainings",
    "places",
    "approvals",
    "tokens",
    "answers-cache",
    "outbox",
    "mails",
    "starts",
    "promotions",
)
KEPT = [
    *(s3(ARTIFACTS, f"runs/p/r/{name}") for name in IN_A_RUN),
    *(s3(ARTIFACTS, f"{folder}/x.json") for folder in (*BESIDE, "retention", "what-comes-next")),
    s3(DATASETS, "runs/p/r/staged/train.jsonl"),
]
ADMINISTRATORS = ("root", "role/Administrator", "role/finetune-PlanRunFunctionRole-made-by-somebody")


@pytest.mark.parametrize("resource", KEPT)
@pytest.mark.parametrize("principal", ADMINISTRATORS)
def test_who_may_do_everything_in_the_account_writes_nothing_that_runs_rely_on(principal: str, resource: str) -> None:
    assert [action for action in WRITES if everything(action, resource, f"arn:aws:iam::123456789012:{principal}")] == []
    assert everything("s3:GetObject", resource, f"arn:aws:iam::123456789012:{principal}")


def test_people_may_still_drop_and_settle_and_delete_what_is_theirs() -> None:
    ada = "arn:aws:iam::123456789012:user/ada"
    assert everything("s3:PutObject", s3(DATASETS, "incoming/p/x.jsonl"), ada)
    assert everything("s3:DeleteObject", s3(DATASETS, "projects/p/settings.yaml"), ada)
    # `finetune delete` writes down the hours of the throughput that it deletes.
    assert everything("s3:PutObject", s3(ARTIFACTS, "runs/p/r/throughput-abc.json"), ada)
    assert everything("s3:PutBucketPolicy", f"arn:aws:s3:::{ARTIFACTS}", ada)


def test_the_buckets_let_write_whose_own_policy_does_and_nobody_else() -> None:
    def writers(bucket: str) -> set[str]:
        found = set()
        for name, function in resources("AWS::Serverless::Function").items():
            writing = [each for each in of_function(function) if {*each["Action"]} & {*WRITES}]
            found |= (
                {f"{name}Role"}
                if any(f"${{{bucket}.Arn}}" in json.dumps(each["Resource"]) for each in writing)
                else set()
            )
        return found

    def exempt(bucket: str) -> set[str]:
        document: Any = resources("AWS::S3::BucketPolicy")[f"{bucket}Policy"]["Properties"]["PolicyDocument"]
        [deny] = [each for each in document["Statement"] if each["Sid"].startswith("OnlyTheStack")]
        return {each["Fn::GetAtt"][0] for each in deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]}

    assert exempt("ArtifactBucket") == writers("ArtifactBucket") | {"CustomizationRole"}
    assert exempt("DatasetBucket") == writers("DatasetBucket")
