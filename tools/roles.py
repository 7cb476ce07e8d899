"""What every role of the stack may do, as the translated template says it, with the ARNs of an account put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tools.project import ROOT
from tools.translate import translate

ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "finetune"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-{'0' * 32}"
# What the owner of the stack has listed beside the catalog: a model by its own id, and one by that of its profile.
JUDGES = ("vendor.judge-v1", "us.vendor.other-judge-v1")
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
    "KmsKeyArn": KEY,
    "JudgeModels": ",".join(JUDGES),
}
# The ARN of a resource of the stack by its type; any other reference stays as it is.
_ARNS: Mapping[str, str] = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{STACK}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}:*",
    "AWS::IAM::ManagedPolicy": "{name}",
}


@dataclass(frozen=True)
class Grant:
    """One statement of one role."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]]

    def statement(self) -> dict[str, Any]:
        """The statement as a policy has it."""
        more = {"Condition": self.condition} if self.condition else {}
        return {"Effect": "Allow", "Action": list(self.actions), "Resource": list(self.resources), **more}


@cache
def _translated() -> dict[str, Any]:
    return translate(ROOT / "template.yaml")


def roles() -> dict[str, dict[str, Any]]:
    """The roles of the translated template by their names."""
    return {name: each for name, each in _translated()["Resources"].items() if each["Type"] == "AWS::IAM::Role"}


def granted(*, own_key: bool) -> list[Grant]:
    """Every statement of every role, with or without a key of the stack's own; not what AWS's own policies add."""
    return [grant for name, role in roles().items() for grant in _of_role(name, role["Properties"], own_key)]


def _of_role(name: str, properties: Mapping[str, Any], own_key: bool) -> Iterator[Grant]:
    documents = [each["PolicyDocument"] for each in resolved(properties.get("Policies", []), own_key)]
    shared = _translated()["Resources"]
    attached = [each for each in resolved(properties.get("ManagedPolicyArns", []), own_key) if each in shared]
    documents += [resolved(shared[each]["Properties"]["PolicyDocument"], own_key) for each in attached]
    for document in documents:
        for each in document["Statement"]:
            if each["Effect"] != "Allow":
                raise ValueError(f"{name} has a statement that is no Allow, which nothing here reads.")
            yield Grant(
                name,
                each.get("Sid", ""),
                _listed(each["Action"]),
                _listed(each["Resource"]),
                each.get("Condition", {}),
            )


def resolved(value: Any, own_key: bool) -> Any:  # noqa: PLR0911 - one case for each function
    """A value of the translated template with its references put in and what a missing key leaves out taken away."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]}:
            return _PSEUDO.get(name) or _arn(name)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+(?:::\w+)?)(?:\.Arn)?\}", lambda found: resolved({"Ref": found[1]}, own_key), text)
        case {"Fn::Sub": [str(text), {"Ids": ids}]}:
            return resolved({"Fn::Sub": text.replace("${Ids}", resolved(ids, own_key))}, own_key)
        case {"Fn::Split": [str(by), what]}:
            return resolved(what, own_key).split(by)
        case {"Fn::Join": [str(by), what]}:
            return by.join(resolved(what, own_key))
        case {"Fn::If": [_, *_]}:
            return resolved(_chosen(value, own_key), own_key)
        case dict():
            return {key: resolved(each, own_key) for key, each in value.items()}
        case list():
            kept = [each for each in value if not _is_left_out(each, own_key)]
            return [resolved(each, own_key) for each in kept]
        case _:
            return value


def _chosen(value: Any, own_key: bool) -> Any:
    """What a condition leaves of a value; the stack has judges of its own."""
    if not (isinstance(value, dict) and "Fn::If" in value):
        return value
    condition, one, other = value["Fn::If"]
    return one if own_key or condition == "HasJudgeModels" else other


def _is_left_out(value: Any, own_key: bool) -> bool:
    return bool(_chosen(value, own_key) == {"Ref": "AWS::NoValue"})


def _arn(name: str) -> str:
    kind = _translated()["Resources"].get(name, {}).get("Type", "")
    return _ARNS.get(kind, "${{{name}}}").format(name=name)


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
