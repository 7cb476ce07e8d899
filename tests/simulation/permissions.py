"""IAM: what the template's policies let a function do, by action and resource.

Of Bedrock the emulator decides by the same policies, because it knows each resource's tags.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from local.bedrock.policy import Question, Statement, decide
from tests.emulator import ACCOUNT, REGION
from tests.simulation.s3 import address
from tests.template import ARTIFACTS, DATASETS, FUNCTIONS, resolved
from tools.project import statements

if TYPE_CHECKING:
    from tests.simulation.world import Call

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


def refused(call: Call, *, new: bool = False) -> str:
    """What a function asks for although none of its policies allows it; empty when one does, or Bedrock decides.

    Policies that are `new` allow nothing.
    """
    if call.service.startswith("bedrock"):
        return ""
    action, resource = _asked(call)
    return "" if not new and _allowed(call.invocation.stem, action, resource) else action


def may_list(call: Call) -> bool:
    """Whether S3 tells a function that an object is missing, or only that it may not be read."""
    bucket, _, _ = address(call.url)
    return _allowed(call.invocation.stem, "s3:ListBucket", f"arn:aws:s3:::{bucket}")


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
        case _:
            asked = json.loads(call.body)
            return f"states:{operation}", asked.get("executionArn") or asked.get("stateMachineArn", "*")


@cache
def _allowed(stem: str, action: str, resource: str) -> bool:
    return decide(policy(stem), Question(action, resource, {})) == "allowed"


@cache
def policy(stem: str) -> list[Statement]:
    """A function's statements with the ARNs of this account put in."""
    text = json.dumps([resolved(each) for each in statements({"Properties": FUNCTIONS[stem]})])
    for name, arn in _ARNS.items():
        text = text.replace(name, arn)
    found: list[dict[str, Any]] = json.loads(text)
    return [dict(each) for each in found]
