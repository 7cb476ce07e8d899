"""Each rule finds what breaks it, and finds in the template only what has a reason there."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tools.gate import Finding, reasons, unexplained
from tools.project import ROOT
from tools.solutions import RULES, TAGGABLE, WITHOUT_RESOURCE, broken
from tools.translate import translate

TEMPLATE = translate(ROOT / "template.yaml")
KINDS = {name: each["Type"] for name, each in TEMPLATE["Resources"].items()}


def allowing(action: str, resource: Any) -> dict[str, Any]:
    return {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource}]}}


LIKE = "arn:aws:s3:::bucket/*"
# For each rule a resource that breaks it.
BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "AwsSolutions-S1": ("S3::Bucket", {}),
    "AwsSolutions-S2": ("S3::Bucket", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
    "AwsSolutions-S10": ("S3::Bucket", {}),
    "AwsSolutions-SNS2": ("SNS::Topic", {}),
    "AwsSolutions-SNS3": ("SNS::Topic", {}),
    "AwsSolutions-SQS2": ("SQS::Queue", {}),
    "AwsSolutions-SQS3": ("SQS::Queue", {}),
    "AwsSolutions-SQS4": ("SQS::Queue", {}),
    "AwsSolutions-SF1": ("StepFunctions::StateMachine", {"LoggingConfiguration": {"Level": "ERROR"}}),
    "AwsSolutions-SF2": ("StepFunctions::StateMachine", {}),
    "AwsSolutions-IAM4": ("IAM::Role", {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"]}),
    "AwsSolutions-IAM5": ("IAM::ManagedPolicy", allowing("s3:GetObject", LIKE)),
    "FineTune-PlainStar": ("IAM::ManagedPolicy", allowing("s3:GetObject", "*")),
    "FineTune-Tag": ("SQS::Queue", {"Tags": [{"Key": "finetune-stack", "Value": "another"}]}),
    "FineTune-DeadLetters": ("Scheduler::Schedule", {"Target": {}}),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_breaks_it(rule: str) -> None:
    kind, properties = BROKEN[rule]
    found = broken({"Resources": {"One": {"Type": f"AWS::{kind}", "Properties": properties}}})
    assert rule in {each for each, _, _ in found}


def test_the_template_breaks_only_what_it_has_a_reason_for() -> None:
    own = [each for each in reasons() if {*each.rules} & RULES.keys()]
    assert unexplained((Finding(*each) for each in broken(TEMPLATE)), own, KINDS) == []


def test_every_action_as_such_is_a_plain_star_too() -> None:
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": allowing("s3:*", LIKE)}
    assert "FineTune-PlainStar" in {rule for rule, _, _ in broken({"Resources": {"One": policy}})}


def test_everything_that_can_have_a_tag_is_looked_at() -> None:
    def taggable(kind: str) -> bool:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        return "Tags" in schema["properties"]

    kinds = {kind for kind in KINDS.values() if kind.startswith("AWS::")}
    assert {kind for kind in kinds if taggable(kind)} == TAGGABLE


def test_an_action_without_a_resource_is_one_that_the_template_uses() -> None:
    text = str(TEMPLATE)
    assert [action for action in sorted(WITHOUT_RESOURCE) if action not in text] == []
