"""Those rules of cdk-nag's pack AwsSolutions that apply to what the template has, over the translated template.

cdk-nag itself needs Node.js and an application of the CDK, and cfn-guard is a program of Rust, so neither can be pinned
beside the other tools. The rules keep cdk-nag's names. `FineTune-` rules are our own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tools.iam_reference import REFERENCE

type Template = Mapping[str, Any]
type Properties = Mapping[str, Any]

# Actions that take no resource, as AWS's own reference has them.
WITHOUT_RESOURCE = frozenset(
    action
    for action, known in json.loads(REFERENCE.read_text())["actions"].items()
    if known and not known["resource_types"]
)
# Kinds of resource that CloudFormation lets have tags; a test holds the list to CloudFormation's own schemas.
TAGGABLE = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::StepFunctions::StateMachine",
    }
)


class Rule(NamedTuple):
    """`broken` says whether a resource of these kinds breaks the rule, by its name, properties and template."""

    kinds: frozenset[str]
    words: str
    broken: Callable[[str, Properties, Template], bool]


def _in(*kinds: str) -> frozenset[str]:
    return frozenset(f"AWS::{kind}" for kind in kinds)


def _refuses_plain_http(name: str, template: Template) -> bool:
    """Whether a policy of the resource denies every request that is not encrypted."""
    for policy in template["Resources"].values():
        own = policy["Properties"]
        whose = [own.get("Bucket"), *own.get("Queues", []), *own.get("Topics", [])]
        if {"Ref": name} in whose:
            for statement in own["PolicyDocument"]["Statement"]:
                refused = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                if refused and statement["Effect"] == "Deny" and statement["Principal"] == "*":
                    return True
    return False


def statements(properties: Properties) -> Iterator[Mapping[str, Any]]:
    """The statements of a role's own policies, or of a managed policy, with those of a condition."""
    own = [policy["Fn::If"][1] if "Fn::If" in policy else policy for policy in properties.get("Policies", [])]
    documents = [each["PolicyDocument"] for each in ([properties] if "PolicyDocument" in properties else own)]
    for document in documents:
        yield from document["Statement"]


def _pairs(properties: Properties) -> Iterator[tuple[str, Any]]:
    """Every action with every resource that a policy allows."""
    for statement in statements(properties):
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield action, resource


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _has_star(resource: Any) -> bool:
    return resource != "*" and "*" in str(resource)


def _untagged(_: str, own: Properties, __: Template) -> bool:
    return {"Key": "finetune-stack", "Value": {"Ref": "AWS::StackName"}} not in own.get("Tags", [])


_POLICIES = _in("IAM::Role", "IAM::ManagedPolicy")
_PUBLIC = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
RULES: Mapping[str, Rule] = {
    "AwsSolutions-S1": Rule(
        _in("S3::Bucket"), "has no access log", lambda _, own, __: "LoggingConfiguration" not in own
    ),
    "AwsSolutions-S2": Rule(
        _in("S3::Bucket"),
        "may become public",
        lambda _, own, __: not all(own.get("PublicAccessBlockConfiguration", {}).get(each) for each in _PUBLIC),
    ),
    "AwsSolutions-S10": Rule(
        _in("S3::Bucket"), "takes plain HTTP", lambda name, _, template: not _refuses_plain_http(name, template)
    ),
    "AwsSolutions-SNS2": Rule(
        _in("SNS::Topic"),
        "is not always encrypted",
        lambda _, own, __: "Fn::If" in str(own.get("KmsMasterKeyId", "Fn::If")),
    ),
    "AwsSolutions-SNS3": Rule(
        _in("SNS::Topic"), "takes plain HTTP", lambda name, _, template: not _refuses_plain_http(name, template)
    ),
    "AwsSolutions-SQS2": Rule(
        _in("SQS::Queue"),
        "is not encrypted",
        lambda _, own, __: not {"SqsManagedSseEnabled", "KmsMasterKeyId"} & own.keys(),
    ),
    "AwsSolutions-SQS3": Rule(
        _in("SQS::Queue"), "has no queue for dead letters", lambda _, own, __: "RedrivePolicy" not in own
    ),
    "AwsSolutions-SQS4": Rule(
        _in("SQS::Queue"), "takes plain HTTP", lambda name, _, template: not _refuses_plain_http(name, template)
    ),
    "AwsSolutions-SF1": Rule(
        _in("StepFunctions::StateMachine"),
        "does not log every event",
        lambda _, own, __: own.get("LoggingConfiguration", {}).get("Level") != "ALL",
    ),
    "AwsSolutions-SF2": Rule(
        _in("StepFunctions::StateMachine"),
        "is not traced",
        lambda _, own, __: not own.get("TracingConfiguration", {}).get("Enabled"),
    ),
    "AwsSolutions-IAM4": Rule(
        _in("IAM::Role"),
        "has a policy that AWS manages",
        lambda _, own, __: any(isinstance(each, str) for each in own.get("ManagedPolicyArns", [])),
    ),
    "AwsSolutions-IAM5": Rule(
        _POLICIES,
        "allows what a star stands for",
        lambda _, own, __: any("*" in action or _has_star(resource) for action, resource in _pairs(own)),
    ),
    "FineTune-PlainStar": Rule(
        _POLICIES,
        "allows an action on everything although it takes resources, or every action",
        lambda _, own, __: any(
            "*" in action or (resource == "*" and action not in WITHOUT_RESOURCE) for action, resource in _pairs(own)
        ),
    ),
    "FineTune-Tag": Rule(TAGGABLE, "has no tag finetune-stack, by which its cost is found", _untagged),
    "FineTune-DeadLetters": Rule(
        _in("Scheduler::Schedule"),
        "loses what it cannot deliver",
        lambda _, own, __: "DeadLetterConfig" not in own["Target"],
    ),
}


def broken(template: Template) -> Iterator[tuple[str, str, str]]:
    """Every broken rule, with the resource's name and in words."""
    for name, resource in template["Resources"].items():
        for rule, (kinds, words, is_broken) in RULES.items():
            if resource["Type"] in kinds and is_broken(name, resource["Properties"], template):
                yield rule, name, words
