"""Every permission of every role, with and without a key of the stack's own, held to AWS's own reference of actions."""

from __future__ import annotations

import json
import re

import pytest

from local.bedrock.permissions import ASKING, MAKING, SERVING
from local.bedrock.policy import Question, decide_for_service, decide_key
from local.gateway.keys import USES, via
from tests.actions import KNOWN, takes, types_of
from tests.keys import KEY_POLICY, key_policy
from tools.iam_reference import reference
from tools.project import resources, template
from tools.roles import ACCOUNT, KEY, REGION, granted, resolved, roles

GRANTS = {own_key: granted(own_key=own_key) for own_key in (False, True)}
EVERY = [grant for grants in GRANTS.values() for grant in grants]
# Keys that AWS puts into the context of every request that has them.
GLOBAL = {"kms:ViaService"}
# Resources that the reference has for none of a statement's actions, by the statement and the kind, and why.
NOT_IN_REFERENCE = {
    (
        "StartJob",
        "model-customization-job",
    ): "If Bedrock asks for the job that is to be made it is allowed; else unused.",
}
# A request names only one resource of these.
ONE_AT_A_TIME = {"bedrock:InvokeModel", "bedrock:TagResource"}


def test_the_reference_is_that_of_the_pinned_package_for_the_actions_that_are_granted() -> None:
    assert reference({action for grant in EVERY for action in grant.actions}) == KNOWN, "run `make iam`"


def test_every_action_exists() -> None:
    assert [action for action, known in KNOWN["actions"].items() if known is None] == []
    assert reference(["bedrock:GetCustomModl"])["actions"] == {"bedrock:GetCustomModl": None}


def test_a_statement_has_no_action_without_a_resource_that_it_takes_and_no_resource_that_none_takes() -> None:
    assert [
        (grant.role, action)
        for grant in EVERY
        for action in grant.actions
        if not any(takes(action, one) for one in grant.resources)
    ] == []
    unused = {
        (grant.sid, one.split(":")[5].partition("/")[0])
        for grant in EVERY
        for one in grant.resources
        if not any(takes(action, one) for action in grant.actions)
    }
    assert unused == NOT_IN_REFERENCE.keys()


def test_only_what_takes_no_resource_is_granted_on_all() -> None:
    for grant in EVERY:
        for action in grant.actions if "*" in grant.resources else ():
            assert takes(action, "*"), (grant.role, action)
    assert not takes("bedrock:GetCustomModel", "*")


def test_a_condition_names_a_key_that_the_action_or_its_resources_have() -> None:
    for grant in EVERY:
        asked = {re.sub(r"Tag/.*", "Tag/${TagKey}", key) for keys in grant.condition.values() for key in keys}
        for action in grant.actions if asked else ():
            kinds = {kind for one in grant.resources for kind in types_of(action, one)}
            known = GLOBAL | set(KNOWN["actions"][action]["condition_keys"])
            known |= {key for kind in kinds for key in KNOWN["resource_types"][kind]["condition_keys"]}
            assert asked <= known, (grant.role, action, asked - known)


def test_no_condition_on_a_tag_stands_over_two_kinds_of_resources_of_one_request() -> None:
    for grant in EVERY:
        if not any(key.startswith("aws:ResourceTag/") for keys in grant.condition.values() for key in keys):
            continue
        for action in set(grant.actions) - ONE_AT_A_TIME:
            kinds = {kind for one in grant.resources for kind in types_of(action, one)}
            assert len(kinds) == 1, (grant.role, grant.sid, action, kinds)


def test_a_role_may_be_passed_to_bedrock_only() -> None:
    passing = [grant for grant in EVERY if any("PassRole" in action for action in grant.actions)]
    assert passing
    for grant in passing:
        assert grant.actions == ("iam:PassRole",)
        assert grant.condition == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}


# What an action on custom models and their endpoints asks of their key.
MODELS = {
    "bedrock:CreateModelCustomizationJob": MAKING,
    **dict.fromkeys(("bedrock:CreateCustomModelDeployment", "bedrock:CreateProvisionedModelThroughput"), SERVING),
    **dict.fromkeys(("bedrock:UpdateCustomModelDeployment", "bedrock:UpdateProvisionedModelThroughput"), SERVING),
    "bedrock:InvokeModel": ASKING,
}
NEEDED = {**USES, **{action: tuple(f"kms:{use}" for use in uses) for action, uses in MODELS.items()}}


def needs(role: str) -> set[tuple[str, str]]:
    """The uses of the key that a role needs, each with the service through which it comes."""
    actions = {action for grant in GRANTS[True] if grant.role == role for action in grant.actions}
    found = {(action.partition(":")[0], use) for action in actions for use in NEEDED.get(action, ())}
    # Bedrock makes the model in the name of the role that it was given.
    return found | ({("bedrock", f"kms:{use}") for use in MAKING} if role == "CustomizationRole" else set())


@pytest.mark.parametrize("role", roles())
def test_a_role_may_use_the_key_for_all_that_it_does_and_only_if_it_does_any(role: str) -> None:
    own = [grant.statement() for grant in GRANTS[True] if grant.role == role]
    for service, use in needs(role):
        question = Question(use, KEY, via(service, REGION))
        assert decide_key(key_policy(), own, f"arn:aws:iam::{ACCOUNT}:role/{role}", question) == "allowed", question
    assert bool(needs(role)) == ("kms:" in json.dumps(own))
    assert "kms:" not in json.dumps([grant.statement() for grant in GRANTS[False] if grant.role == role])


def encrypted() -> set[str]:
    """The resources of the stack that name its key."""
    found = {name: each for kind in KINDS for name, each in resources(kind).items()}
    return {name for name, each in found.items() if KEY in json.dumps(resolved(each["Properties"], own_key=True))}


KINDS = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Logs::LogGroup")


def test_all_that_keeps_data_is_under_the_key() -> None:
    # S3 delivers access logs only into a bucket with a key of S3.
    assert encrypted() == {name for kind in KINDS for name in resources(kind)} - {"AccessLogBucket"}


# Which service uses the key for itself -> how, by its documentation.
OF_SERVICES = {
    "bedrock.amazonaws.com": ("Decrypt", "GenerateDataKey"),
    f"logs.{REGION}.amazonaws.com": (
        "Encrypt",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKey",
        "DescribeKey",
    ),
    "cloudwatch.amazonaws.com": ("Decrypt", "GenerateDataKey"),
    "events.amazonaws.com": ("Decrypt", "GenerateDataKey"),
}


def services() -> set[str]:
    """The services that use the key for themselves, by what the stack has."""
    topic, queue = ([{"Ref": "Topic"}], {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]})
    found = {f"logs.{REGION}.amazonaws.com"} if resources("AWS::Logs::LogGroup") else set()
    alarms = resources("AWS::CloudWatch::Alarm").values()
    found |= {"cloudwatch.amazonaws.com" for each in alarms if each["Properties"]["AlarmActions"] == topic}
    rules = [target for each in resources("AWS::Events::Rule").values() for target in each["Properties"]["Targets"]]
    found |= {"events.amazonaws.com" for target in rules if target["DeadLetterConfig"]["Arn"] == queue}
    return found | {"bedrock.amazonaws.com"}


def test_the_policy_of_the_key_lets_every_service_that_needs_it_use_it_whatever_else_it_says() -> None:
    named = {name for statement in key_policy() for name in [statement["Principal"].get("Service")] if name}
    assert named == services() == set(OF_SERVICES)
    for service, uses in OF_SERVICES.items():
        for use in uses:
            assert decide_for_service(key_policy(), service, Question(f"kms:{use}", KEY, {})) == "allowed"
    assert "Condition" not in KEY_POLICY.read_text()


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("", True),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab", True),
        (KEY, True),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/finetune", False),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:key/mrk-1234", False),
    ],
)
def test_a_key_is_named_by_its_arn_also_one_of_several_regions(arn: str, taken: bool) -> None:
    assert bool(re.search(template()["Parameters"]["KmsKeyArn"]["AllowedPattern"], arn)) == taken
