"""`finetune access`: the least that a person or a program needs for its part in a project, as an IAM policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finetune.aws import clients, overview, ownership, runs
from finetune.domain.customization.projects import INCOMING, project_in
from finetune.foreign import foreign
from finetune.run import DatasetDropped
from finetune_cli import stack
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.commands.access import Options
from finetune_cli.console import Console

type Statement = dict[str, Any]

# What IAM reads as more than itself within an ARN.
_WILD = frozenset("*?$")
_ANY = "any.jsonl"
# The id of a run: character by character, so that a project whose name goes on behind this one's is another.
_ANY_RUN = "????????-??????-????????"
# What a run tells people; staged records, answers and tokens are not among them.
REPORTS = (
    "report.html", "evaluation.json", "human-review.csv", "answers.csv", "validation.html", "validation.json",
    "problems.jsonl", "training.json", "prepared.json", "cost.json", "spent.json",
    "run.json", "plan.json", "published.json",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What the policies of a project name: buckets, slug, and the prefixes of ARNs."""

    project: str
    slug: str
    datasets: str
    artifacts: str
    machine_arn: str
    decide: str
    stack: str
    key_arn: str | None = None

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and Region."""
        _, partition, _, region, account, *_ = self.machine_arn.split(":")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def s3(self, bucket: str, *keys: str) -> list[str]:
        """ARNs of objects, or of the bucket itself without keys."""
        partition = self.machine_arn.split(":")[1]
        return [f"arn:{partition}:s3:::{bucket}/{key}" for key in keys] or [f"arn:{partition}:s3:::{bucket}"]


def run(options: Options, console: Console) -> Answer:
    """Print the policy."""
    require_one_project(options.project)
    stack.connect(options.stack)
    found = overview.outputs(clients.cloudformation(), options.stack)
    place = Place(
        project=options.project,
        slug=_slug(options, found) if options.part != "supplier" else "",
        datasets=found["DatasetBucketName"],
        artifacts=found["ArtifactBucketName"],
        machine_arn=found["StateMachineArn"],
        decide=found.get("DecideFunctionName", ""),
        stack=options.stack,
        key_arn=found.get("KeyArn"),
    )
    policy = policy_of(options.part, place)
    console.write(*json.dumps(policy, indent=2).split("\n"))
    return Answer(True, {"project": options.project, "part": options.part, "policy": policy})


def _slug(options: Options, found: Mapping[str, str]) -> str:
    """The slug under which the project's runs are kept, which may be that of an earlier release, and is no other's."""
    dropped = DatasetDropped(
        bucket=found["DatasetBucketName"],
        key=f"{INCOMING}{options.project}/{_ANY}",
        version_id="any",
        event_time=datetime.now(UTC),
    )
    run = runs.identify(dropped, artifact_bucket=found["ArtifactBucketName"], execution_arn="")
    return ownership.settled(clients.s3(), clients.ssm(), options.stack, run).slug


def require_one_project(project: str) -> None:
    """UsageFailure for a name that is no project, or that IAM reads as several."""
    if project_in(f"{INCOMING}{project}/{_ANY}") != project or _WILD & set(project):
        raise UsageFailure(
            f"'{foreign(project)}' cannot be granted: name one folder below {INCOMING} without /, *, ? and $, which "
            "IAM reads as more than one."
        )


def policy_of(part: str, place: Place) -> dict[str, Any]:
    """The policy of a part in a project."""
    return {"Version": "2012-10-17", "Statement": [*_PARTS[part](place), *_key(part, place)]}


def _supplier(place: Place) -> list[Statement]:
    return [
        _allow(
            "DropDatasets",
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            place.s3(place.datasets, f"{INCOMING}{place.project}/*"),
        )
    ]


def _owner(place: Place) -> list[Statement]:
    own = (f"{INCOMING}{place.project}/", f"projects/{place.project}/")
    return [
        *_supplier(place),
        _allow(
            "KeepSettingsSetsAndMedia",
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject"],
            place.s3(place.datasets, f"{own[1]}*"),
        ),
        _list("ListOwnFiles", place, place.datasets, *(f"{each}*" for each in own)),
        *_reader(place),
    ]


def _reader(place: Place) -> list[Statement]:
    folder = f"runs/{place.slug}/"
    published = place.arn("ssm", f"parameter/{place.stack}/{place.slug}/endpoint")
    execution = f"{_executions(place)}:{place.slug}-{_ANY_RUN}"
    return [
        _allow("ReadReports", ["s3:GetObject"], place.s3(place.artifacts, *(f"{folder}*/{name}" for name in REPORTS))),
        _list("ListRuns", place, place.artifacts, f"{folder}*"),
        _allow("FollowRuns", ["states:DescribeExecution", "states:GetExecutionHistory"], [execution]),
        _allow(
            "FindTheStack", ["cloudformation:DescribeStacks"], [place.arn("cloudformation", f"stack/{place.stack}/*")]
        ),
        _allow("ReadPublishedEndpoint", ["ssm:GetParameter"], [published]),
    ]


def _executions(place: Place) -> str:
    return place.machine_arn.replace(":stateMachine:", ":execution:")


def _approver(place: Place) -> list[Statement]:
    if not place.decide:
        raise UsageFailure(f"Stack {place.stack!r} has no output DecideFunctionName: deploy this release.")
    return [
        *_reader(place),
        _allow("Answer", ["lambda:InvokeFunction"], [place.arn("lambda", f"function:{place.decide}")]),
        _allow("ReadQuestions", ["s3:GetObject"], place.s3(place.artifacts, "approvals/*")),
        _list("FindQuestions", place, place.artifacts, "approvals/*", "tokens/*"),
        _allow("SeeWhetherRunsWait", ["states:DescribeExecution"], [f"{_executions(place)}:*"]),
    ]


def _key(part: str, place: Place) -> list[Statement]:
    """Use of the stack's key through S3: for uploads in parts both directions."""
    if place.key_arn is None:
        return []
    actions = ["kms:Decrypt"] if part in {"reader", "approver"} else ["kms:Decrypt", "kms:GenerateDataKey"]
    region = place.machine_arn.split(":")[3]
    through = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    return [{**_allow("UseKeyThroughS3", actions, [place.key_arn]), "Condition": through}]


def _allow(sid: str, actions: list[str], resources: list[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _list(sid: str, place: Place, bucket: str, *prefixes: str) -> Statement:
    listed = _allow(sid, ["s3:ListBucket"], place.s3(bucket))
    return {**listed, "Condition": {"StringLike": {"s3:prefix": list(prefixes)}}}


_PARTS: Mapping[str, Any] = {"supplier": _supplier, "owner": _owner, "reader": _reader, "approver": _approver}
