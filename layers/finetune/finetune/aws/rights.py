"""Whether the roles of a deployed stack may do what its template grants them, as IAM decides it.

A policy that somebody took away, a permissions boundary and a policy of the organisation are found so. IAM decides by
what it is told: it does not know whether Bedrock really sends a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from finetune.aws import clients
from finetune.aws.examined import Examined, Found, NotAsked
from finetune.aws.translation import translated

# What takes the place of a star in an ARN: any name would do.
_ANY_NAME = "doctor"
# An action of Bedrock that names a kind of resource is asked about that kind only.
_KINDS = {
    "CustomModelDeployment": "custom-model-deployment",
    "ProvisionedModelThroughput": "provisioned-model",
    "ModelCustomizationJob": "model-customization-job",
    "CustomModel": "custom-model",
}
_ON_ONE_KIND = re.compile(rf"bedrock:(?:Get|Stop|Delete)({'|'.join(_KINDS)})")
_MOST_NAMED = 3


class Right(NamedTuple):
    """Actions that a role needs on one resource, with the condition keys that its policy looks at."""

    role: str
    actions: tuple[str, ...]
    resource: str
    context: tuple[tuple[str, str], ...]


def rights(by: Examined) -> Found:
    """Whether IAM grants every role what the template gives it."""
    asked = list(dict.fromkeys(granted(by)))
    refused = [f"{right.role} {why}" for right in asked for why in _refused(by, right)]
    roles = len({right.role for right in asked})
    if refused:
        more = f" and {len(refused) - _MOST_NAMED} more" if len(refused) > _MOST_NAMED else ""
        return Found(
            "wrong",
            f"refused: {', '.join(refused[:_MOST_NAMED])}{more}",
            "Deploy the stack again. If that changes nothing, a boundary or a policy of your organisation refuses it.",
        )
    return Found("ok", f"{roles} roles may do what the template gives them")


def granted(by: Examined) -> Iterator[Right]:
    """What the template gives each role: each action of each statement once, on a resource that it fits."""
    values = Values(by)
    for name, role in by.template["Resources"].items():
        if role["Type"] == "AWS::IAM::Role":
            for statement in _statements(by.template, values, role["Properties"]):
                yield from _rights(name, statement)


def _statements(template: Mapping[str, Any], values: Values, role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The statements of a role's own policies and of those of the stack that it has, with values in them."""
    documents = [each["PolicyDocument"] for each in values.of(role.get("Policies", []))]
    for attached in role.get("ManagedPolicyArns", []):
        name = values.chosen(attached)
        if isinstance(name, Mapping):
            documents.append(values.of(template["Resources"][name["Ref"]]["Properties"]["PolicyDocument"]))
    for document in documents:
        yield from document["Statement"]


def _rights(role: str, statement: Mapping[str, Any]) -> Iterator[Right]:
    context = tuple(
        (key, _sample(_listed(value)[0]))
        for keys in statement.get("Condition", {}).values()
        for key, value in keys.items()
    )
    left = _listed(statement["Action"])
    for resource in _listed(statement["Resource"]):
        actions = tuple(each for each in left if _fits(each, _kind(resource)))
        left = [each for each in left if each not in actions]
        if actions:
            yield Right(role, actions, _sample(resource), context)


def _kind(arn: str) -> str:
    """What kind of thing an ARN names: what stands before its first slash.

    >>> _kind("arn:aws:bedrock:us-east-1:123456789012:custom-model/*")
    'custom-model'
    """
    return arn.partition("/")[0].rpartition(":")[2]


def _fits(action: str, kind: str) -> bool:
    named = _ON_ONE_KIND.fullmatch(action)
    return named is None or kind == _KINDS[named[1]]


def _sample(pattern: str) -> str:
    """A value that a pattern takes."""
    return pattern if pattern == "*" else pattern.replace("*", _ANY_NAME)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _refused(by: Examined, right: Right) -> Iterator[str]:
    """The actions of a right that IAM does not allow."""
    number, _ = by.account
    role = f"arn:aws:iam::{number}:role/{by.resource(right.role)}"
    with translated("simulating what a role may do"):
        answer = clients.iam().simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=list(right.actions),
            ResourceArns=[right.resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in right.context
            ],
        )
    for each in answer["EvaluationResults"]:
        # The newer answers decide by resource; there is one.
        specific = each.get("ResourceSpecificResults")
        decision = specific[0]["EvalResourceDecision"] if specific else each["EvalDecision"]
        if decision != "allowed":
            yield each["EvalActionName"]


@dataclass(frozen=True)
class Values:
    """What the intrinsic functions of a deployed template stand for."""

    by: Examined

    def of(self, value: Any) -> Any:
        """A part of the template with everything resolved; NotAsked at a function that none of our templates has."""
        value = self.chosen(value)
        if isinstance(value, list):
            return [self.of(each) for each in map(self.chosen, value) if each is not None]
        if not isinstance(value, Mapping):
            return value
        [name, *more] = value or [""]
        if not more and (name == "Ref" or name.startswith("Fn::")):
            return self._result(name, value[name])
        return {key: self.of(each) for key, each in value.items()}

    def _result(self, function: str, given: Any) -> Any:
        """What one intrinsic function gives."""
        found: Any = None
        match function, given:
            case "Ref", str(name):
                found = self._reference(name)
            case "Fn::GetAtt", [name, "Arn"]:
                found = self._arn(name)
            case "Fn::Sub", str(text):
                found = self._filled(text, {})
            case "Fn::Sub", [text, own]:
                found = self._filled(text, self.of(own))
            case "Fn::Split", [separator, text]:
                found = self.of(text).split(separator)
            case "Fn::Join", [separator, parts]:
                found = separator.join(self.of(parts))
        if found is None:
            raise NotAsked(f"the template uses {function} in a way that is not understood")
        return found

    def chosen(self, value: Any) -> Any:
        """The side of an Fn::If that holds; None for one that is left out."""
        if isinstance(value, Mapping) and "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            value = self.chosen(yes if self._holds(self.by.template["Conditions"][condition]) else no)
        return None if value == {"Ref": "AWS::NoValue"} else value

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::Equals": [one, other]}:
                return bool(self.of(one) == self.of(other))
            case _:
                raise NotAsked("the template has a condition that is not understood")

    def _filled(self, text: str, own: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            return own[found[1]] if found[1] in own else self._named(found[1])

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def _named(self, name: str) -> str:
        return self._arn(name.removesuffix(".Arn")) if name.endswith(".Arn") else self._reference(name)

    def _reference(self, name: str) -> str:
        number, _ = self.by.account
        pseudo = {
            "AWS::StackName": self.by.stack,
            "AWS::Region": self.by.region,
            "AWS::AccountId": number,
            "AWS::Partition": "aws",
        }
        known = {**self.by.parameters, **pseudo}
        return known[name] if name in known else self.by.resource(name)

    def _arn(self, name: str) -> str:
        kind, physical = self.by.template["Resources"][name]["Type"], self.by.resource(name)
        number, _ = self.by.account
        where = f"{self.by.region}:{number}"
        arns = {
            "AWS::S3::Bucket": f"arn:aws:s3:::{physical}",
            "AWS::IAM::Role": f"arn:aws:iam::{number}:role/{physical}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{where}:function:{physical}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{where}:{physical.rpartition('/')[2]}",
            "AWS::Events::Rule": f"arn:aws:events:{where}:rule/{physical}",
        }
        if kind not in arns:
            raise NotAsked(f"the ARN of {name} is not known")
        return arns[kind]
