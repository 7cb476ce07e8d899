"""IAM: what the template's policies let a function do, by action and resource.

Of Bedrock the emulator decides by the same policies, because it knows each resource's tags.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

import pytest

from local.bedrock import authorization
from local.bedrock.policy import Question, Statement, decide, decide_key
from local.bedrock.world import Policies
from local.gateway.keys import USES, via
from tests.emulator import ACCOUNT, JOB_ROLE, REGION
from tests.keys import KEY, key_policy
from tests.simulation.s3 import address
from tests.template import ARTIFACTS, DATASETS, FUNCTIONS, resolved
from tools.project import owned_statements, resources

if TYPE_CHECKING:
    from tests.simulation.world import Call


class Use(NamedTuple):
    """An action that a function, or the role of jobs, was allowed to do on a resource."""

    stem: str
    action: str
    resource: str


# The role of jobs by its name, as a function's role has the function's.
JOBS = JOB_ROLE.rpartition("/")[2]
# What `resolved` leaves for AWS.
_ARNS = {
    "${AWS::Partition}": "aws",
    "${ArtifactBucket.Arn}": f"arn:aws:s3:::{ARTIFACTS}",
    "${DatasetBucket.Arn}": f"arn:aws:s3:::{DATASETS}",
    f'"{ARTIFACTS}"': f'"arn:aws:s3:::{ARTIFACTS}"',
    f'"{DATASETS}"': f'"arn:aws:s3:::{DATASETS}"',
}
# An operation of S3 that IAM knows under another name.
_S3_ACTIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "PutObject"),
}


def refused(call: Call, *, new: bool = False, own_key: bool = False) -> str:
    """What a function asks for although none of its policies allows it; empty when one does, or Bedrock decides.

    Policies that are `new` allow nothing. With `own_key` what the stack's key encrypts needs that too.
    """
    if call.service.startswith("bedrock"):
        return ""
    action, resource = _asked(call)
    if call.service == "s3" and _denied(call, action, resource):
        return f"{action}, by the bucket's policy"
    prefix = address(call.url)[2].get("prefix") if action == "s3:ListBucket" else None
    if new or not _allowed(call.invocation.stem, action, resource, prefix):
        return action
    return key_refused(call.invocation.stem, action) if own_key else ""


def used(call: Call, *, own_key: bool) -> set[Use]:
    """What a call that was allowed has used; what Bedrock decides is noted there."""
    if call.service.startswith("bedrock"):
        return set()
    stem, (action, resource) = call.invocation.stem, _asked(call)
    return {Use(stem, action, resource), *(Use(stem, use, KEY) for use in USES.get(action, ()) if own_key)}


def used_by_jobs(operation: str, bucket: str, key: str, *, own_key: bool) -> set[Use]:
    """What the role of jobs has used to read or write an object."""
    uses = USES[f"s3:{operation}"] if own_key else ()
    return {Use(JOBS, f"s3:{operation}", f"arn:aws:s3:::{bucket}/{key}"), *(Use(JOBS, use, KEY) for use in uses)}


@contextmanager
def noted(uses: set[Use]) -> Iterator[None]:
    """Note what Bedrock allows to whom."""
    decide_all = authorization.authorize

    def authorize(policies: Policies, caller: str, asked: Sequence[Question]) -> None:
        decide_all(policies, caller, asked)
        uses.update(Use((each.by or caller).rpartition("/")[2], each.action, each.resource) for each in asked)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(authorization, "authorize", authorize)
        yield


@cache
def key_refused(stem: str, action: str) -> str:
    """The use of the stack's key that a function or the role of jobs lacks for an action; empty when it lacks none."""
    role, context = f"arn:aws:iam::{ACCOUNT}:role/{stem}", via(action.partition(":")[0], REGION)
    asked = [Question(use, KEY, context) for use in USES.get(action, ())]
    own = policy(stem, own_key=True)
    return next((each.action for each in asked if decide_key(key_policy(), own, role, each) != "allowed"), "")


def refused_to_jobs(operation: str, bucket: str, key: str, *, own_key: bool) -> str:
    """What the role of jobs lacks to read or write an object; empty when it lacks nothing."""
    action = f"s3:{operation}"
    if not _allowed(JOBS, action, f"arn:aws:s3:::{bucket}/{key}"):
        return action
    return key_refused(JOBS, action) if own_key else ""


def may_list(call: Call) -> bool:
    """Whether S3 tells a function that an object is missing, or only that it may not be read."""
    return _allowed(*listing(call))


def listing(call: Call) -> Use:
    """What a function needs to be told that an object is missing."""
    bucket, _, _ = address(call.url)
    return Use(call.invocation.stem, "s3:ListBucket", f"arn:aws:s3:::{bucket}")


def _asked(call: Call) -> tuple[str, str]:
    """The action and the resource that IAM looks for."""
    operation = call.operation
    match call.service:
        case "s3":
            bucket, key, query = address(call.url)
            action = _S3_ACTIONS.get(operation, operation)
            if action == "GetObject" and "versionId" in query:
                action = "GetObjectVersion"
            return (
                f"s3:{action}",
                f"arn:aws:s3:::{bucket}" if action == "ListBucket" else f"arn:aws:s3:::{bucket}/{key}",
            )
        case "ssm":
            return f"ssm:{operation}", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{json.loads(call.body)['Name']}"
        case "sns":
            return f"sns:{operation}", parse_qs(call.body.decode())["TopicArn"][0]
        case "service-quotas":
            return f"servicequotas:{operation}", "*"
        case "pricing":
            return f"pricing:{operation}", "*"
        case _:
            asked = json.loads(call.body)
            return f"states:{operation}", asked.get("executionArn") or asked.get("stateMachineArn", "*")


def _context(call: Call) -> dict[str, str]:
    """What S3 knows of a request when it decides on a write."""
    creates = call.operation in {"PutObject", "CompleteMultipartUpload"}
    condition = call.headers.get("If-None-Match")
    given = {"s3:if-none-match": condition.decode() if isinstance(condition, bytes) else condition} if condition else {}
    caller = {"aws:PrincipalArn": f"{call.invocation.stem}FunctionRole", "aws:SecureTransport": "true"}
    return {**caller, "s3:ObjectCreationOperation": str(creates).lower(), **given}


def _denied(call: Call, action: str, resource: str) -> bool:
    """Whether the bucket's policy denies what a function asks for."""
    bucket = of_bucket(resource.partition("/")[0])
    return decide(bucket, Question(action, resource, _context(call))) == "explicitDeny"


@cache
def _allowed(stem: str, action: str, resource: str, prefix: str | None = None) -> bool:
    context = {} if prefix is None else {"s3:prefix": prefix}
    return decide(policy(stem), Question(action, resource, context)) == "allowed"


@cache
def of_bucket(bucket: str) -> list[Statement]:
    """The statements of a bucket's policy, by the bucket's ARN; the ARN of a role is its name there."""
    policies = [each["Properties"] for each in resources("AWS::S3::BucketPolicy").values()]
    own = [each for each in policies if f"arn:aws:s3:::{resolved(each['Bucket'])}" == bucket]
    return _filled([each for policy in own for each in policy["PolicyDocument"]["Statement"]])


class Grant(NamedTuple):
    """What a statement of a function, of the role of jobs or of a shared policy allows."""

    owner: str
    sid: str
    action: str
    resource: str

    def is_used(self, use: Use) -> bool:
        """Whether this is what allowed a use."""
        return use.action == self.action and fnmatchcase(use.resource, self.resource)


def granted() -> dict[Grant, set[str]]:
    """Everything that is granted with a key, and to whom; of a shared policy it is enough that one of them uses it."""
    found = defaultdict[Grant, set[str]](set)
    for stem in {*FUNCTIONS, JOBS} - {"EndStack"}:
        for owner, statement in owned(stem, own_key=True):
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    found[Grant(owner, statement.get("Sid", ""), action, resource)].add(stem)
    return found


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@cache
def policy(stem: str, *, own_key: bool = False) -> list[Statement]:
    """The statements of a function, or of the role of jobs, with the ARNs of this account put in."""
    return [statement for _, statement in owned(stem, own_key=own_key)]


@cache
def owned(stem: str, *, own_key: bool) -> list[tuple[str, Statement]]:
    """The same, each with whose it is: the function's or a shared policy's."""
    of_jobs = resources("AWS::IAM::Role")["CustomizationRole"]["Properties"]
    properties = of_jobs if stem == JOBS else FUNCTIONS[stem]
    found = list(owned_statements({"Properties": properties}, with_key=own_key))
    filled = _filled([statement for _, statement in found])
    return [(shared or stem, each) for (shared, _), each in zip(found, filled, strict=True)]


def _filled(document: list[Any]) -> list[Statement]:
    text = json.dumps([resolved(each) for each in document])
    for name, arn in _ARNS.items():
        text = text.replace(name, arn)
    found: list[dict[str, Any]] = json.loads(text)
    return [dict(each) for each in found]
