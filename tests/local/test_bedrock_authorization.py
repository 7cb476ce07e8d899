"""Permissions: every call needs its true action on its true resource, tags and all, and says so in AWS's words."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.bedrock import throughput
from local.bedrock.authorization import IamPolicies, s3_as
from local.bedrock.policy import Question, decide, statements
from tests.emulator import ACCOUNT, JOB_ROLE, REGION, Emulator, ManualClock, running_emulator

NOVA = "amazon.nova-micro-v1:0:128k"
ARN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
TAGS = [{"key": "stack", "value": "mine"}]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(ManualClock()) as running:
        yield running


def allow(actions: str | list[str], resources: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": conditions} if conditions else statement


def denial(refused: pytest.ExceptionInfo[ClientError]) -> str:
    response = refused.value.response
    assert response["Error"]["Code"] == "AccessDeniedException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return response["Error"]["Message"]


JOB_STATEMENTS = [
    allow("bedrock:CreateModelCustomizationJob", f"arn:aws:bedrock:{REGION}::foundation-model/{NOVA}"),
    allow("bedrock:CreateModelCustomizationJob", f"{ARN}:custom-model/*"),
    allow("bedrock:CreateModelCustomizationJob", f"{ARN}:model-customization-job/*"),
    allow(
        "bedrock:TagResource",
        [f"{ARN}:model-customization-job/*", f"{ARN}:custom-model/*"],
        StringEquals={"aws:RequestTag/stack": "mine"},
    ),
    allow("iam:PassRole", JOB_ROLE, StringEquals={"iam:PassedToService": "bedrock.amazonaws.com"}),
]


def create_job(control: Any, tags: list[dict[str, str]] = TAGS) -> None:
    control.create_model_customization_job(
        jobName="job",
        customModelName="model",
        roleArn=JOB_ROLE,
        baseModelIdentifier=NOVA,
        trainingDataConfig={"s3Uri": "s3://data/train.jsonl"},
        outputDataConfig={"s3Uri": "s3://data/out"},
        jobTags=tags,
        customModelTags=tags,
    )


def test_a_role_with_every_permission_of_a_job_may_create_it(emulator: Emulator) -> None:
    control, _ = emulator.clients_of("starter", *JOB_STATEMENTS)
    create_job(control)
    assert [job.name for job in emulator.admin.ledger().jobs] == ["job"]


@pytest.mark.parametrize(
    ("missing", "action", "resource"),
    [
        (0, "bedrock:CreateModelCustomizationJob", f"foundation-model/{NOVA}"),
        (1, "bedrock:CreateModelCustomizationJob", "custom-model/"),
        (2, "bedrock:CreateModelCustomizationJob", "model-customization-job/"),
        (3, "bedrock:TagResource", "model-customization-job/"),
        (4, "iam:PassRole", "role/customization"),
    ],
)
def test_a_role_that_lacks_one_permission_of_a_job_is_told_which(
    emulator: Emulator, missing: int, action: str, resource: str
) -> None:
    control, _ = emulator.clients_of("starter", *JOB_STATEMENTS[:missing], *JOB_STATEMENTS[missing + 1 :])
    with pytest.raises(ClientError) as refused:
        create_job(control)
    message = denial(refused)
    assert message.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/starter/")
    assert f"is not authorized to perform: {action} on resource: " in message
    assert resource in message
    assert message.endswith(f"because no identity-based policy allows the {action} action")


def test_a_tag_that_the_policy_does_not_name_is_refused(emulator: Emulator) -> None:
    control, _ = emulator.clients_of("starter", *JOB_STATEMENTS)
    with pytest.raises(ClientError, match="bedrock:TagResource"):
        create_job(control, [{"key": "stack", "value": "another"}])


def test_a_resource_tag_opens_what_carries_it_by_name_and_by_arn(emulator: Emulator) -> None:
    mine, other = emulator.add_model("mine", NOVA), emulator.add_model("other", NOVA)
    emulator.world.tag(mine, TAGS)
    control, _ = emulator.clients_of(
        "reader", allow("bedrock:DeleteCustomModel", "*", StringEquals={"aws:ResourceTag/stack": "mine"})
    )
    with pytest.raises(ClientError, match="AccessDeniedException"):
        control.delete_custom_model(modelIdentifier="other")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        control.delete_custom_model(modelIdentifier=other)
    control.delete_custom_model(modelIdentifier="mine")


def test_converse_needs_invoke_model_on_the_profile_and_on_the_model_in_every_region(emulator: Emulator) -> None:
    profile = f"{ARN}:inference-profile/us.amazon.nova-2-lite-v1:0"
    models = "arn:aws:bedrock:*::foundation-model/amazon.nova-2-lite-v1:0"
    call: Any = {"modelId": "us.amazon.nova-2-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    _, runtime = emulator.clients_of("asker", allow("bedrock:InvokeModel", [profile, models]))
    assert runtime.converse(**call)["stopReason"] == "end_turn"
    for resources in ([profile], [models], [profile, models.replace("*", REGION)]):
        _, runtime = emulator.clients_of("asker", allow("bedrock:InvokeModel", resources))
        with pytest.raises(ClientError, match="not authorized to perform: bedrock:InvokeModel"):
            runtime.converse(**call)
    _, runtime = emulator.clients_of("asker", allow("bedrock:Converse", "*"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        runtime.converse(**call)


def test_an_explicit_deny_is_called_one(emulator: Emulator) -> None:
    deny = {"Effect": "Deny", "Action": "bedrock:List*", "Resource": "*"}
    control, _ = emulator.clients_of("lister", allow("bedrock:*"), deny)
    with pytest.raises(ClientError) as refused:
        control.list_custom_models()
    assert denial(refused).endswith("with an explicit deny in an identity-based policy")


def test_an_unknown_access_key_is_refused_and_root_may_do_everything(emulator: Emulator) -> None:
    control, _ = emulator.clients_of("nobody")
    del emulator.iam.keys["nobody"]
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        control.list_custom_models()
    emulator.control.list_custom_models()


@pytest.mark.parametrize(
    ("condition", "context", "decision"),
    [
        ({"StringLike": {"aws:RequestTag/run": "2026-*"}}, {"aws:RequestTag/run": "2026-1"}, "allowed"),
        ({"StringLike": {"aws:RequestTag/run": "2026-*"}}, {}, "implicitDeny"),
        ({"StringEqualsIfExists": {"aws:RequestTag/run": "1"}}, {}, "allowed"),
        ({"StringNotEquals": {"aws:ResourceTag/keep": "yes"}}, {}, "allowed"),
        ({"StringNotEquals": {"aws:ResourceTag/keep": ["yes", "no"]}}, {"aws:ResourceTag/keep": "no"}, "implicitDeny"),
        ({"Null": {"aws:ResourceTag/run": "false"}}, {"aws:ResourceTag/run": "1"}, "allowed"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a"]}, "allowed"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:TagKeys": ["a", "c"]}, "implicitDeny"),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:TagKeys": ["a", "c"]}, "allowed"),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": "TRUE"}, "allowed"),
    ],
)
def test_conditions_decide_as_in_iam(condition: dict[str, Any], context: dict[str, Any], decision: str) -> None:
    policy = statements(json.dumps({"Statement": allow("Bedrock:*", "arn:*", **condition)}))
    assert decide(policy, Question("bedrock:GetCustomModel", "arn:aws:x", context)) == decision


def test_actions_match_whatever_their_case_and_resources_do_not() -> None:
    policy = statements({"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:secret?"}]})
    assert decide(policy, Question("Bedrock:Get", "arn:open", {})) == "allowed"
    assert decide(policy, Question("IAM:PassRole", "arn:open", {})) == "implicitDeny"
    assert decide(policy, Question("bedrock:Get", "arn:secret1", {})) == "implicitDeny"
    assert decide(policy, Question("bedrock:Get", "arn:SECRET1", {})) == "allowed"


def test_an_operator_that_the_emulator_cannot_evaluate_is_named() -> None:
    with pytest.raises(ValueError, match="DateLessThan"):
        decide([allow("*", "*", DateLessThan={"aws:CurrentTime": "x"})], Question("a:b", "c", {}))


class Iam:
    """An IAM client with one role, counting how often its policies are read."""

    class exceptions:  # noqa: N801 - boto3's own name
        class NoSuchEntityException(Exception):
            pass

    def __init__(self) -> None:
        self.reads = 0

    def get_role(self, RoleName: str) -> Any:  # noqa: N803 - IAM's own names
        if RoleName != "role":
            raise self.exceptions.NoSuchEntityException
        return {"Role": {"AssumeRolePolicyDocument": {"Statement": {"Effect": "Allow"}}}}

    def get_paginator(self, name: str) -> Any:
        pages: Any = {"list_role_policies": {"PolicyNames": ["inline"]}}
        attached: Any = {"AttachedPolicies": [{"PolicyArn": "arn:managed"}]}
        return type(
            "Pages", (), {"paginate": lambda _self, **role: self._page(role["RoleName"], pages.get(name, attached))}
        )()

    def _page(self, role: str, page: Any) -> list[Any]:
        self.get_role(role)
        self.reads += 1
        return [page]

    def get_role_policy(self, RoleName: str, PolicyName: str) -> Any:  # noqa: N803
        return {"PolicyDocument": {"Statement": allow(f"{RoleName}:{PolicyName}")}}

    def get_policy(self, PolicyArn: str) -> Any:  # noqa: N803
        return {"Policy": {"DefaultVersionId": f"v2 of {PolicyArn}"}}

    def get_policy_version(self, **version: str) -> Any:
        return {"PolicyVersion": {"Document": {"Statement": [allow(version["VersionId"])]}}}


def test_inline_and_attached_policies_of_a_role_are_read_once_for_a_while() -> None:
    iam: Any = Iam()
    policies = IamPolicies(iam, iam)
    for _ in range(3):
        actions = [statement["Action"] for statement in policies.identity("arn:aws:iam::1:role/path/role")]
        assert actions == ["role:inline", "v2 of arn:managed"]
    assert iam.reads == 2
    assert policies.trust("arn:aws:iam::1:role/role") == [{"Effect": "Allow"}]
    for read in (policies.identity, policies.trust):
        with pytest.raises(LookupError):
            read("arn:aws:iam::1:role/other")


def test_a_job_reaches_s3_with_the_credentials_of_its_role() -> None:
    class Registry:
        def role_of(self, access_key: str) -> str | None:
            return access_key

        def assume(self, role_arn: str, service: str, session_name: str) -> Any:
            assert (role_arn, service, session_name[:7]) == (JOB_ROLE, "bedrock.amazonaws.com", "bedrock")
            session = {"access_key": "key", "secret_key": "secret", "session_token": "token"}
            return type("Session", (), session)()

    client: Any = s3_as(Registry(), "http://127.0.0.1:1", REGION)(JOB_ROLE)
    credentials = client._request_signer._credentials
    assert (credentials.access_key, credentials.token) == ("key", "token")
    client.close()


def test_service_quotas_lists_what_the_emulator_enforces_to_whom_it_may(emulator: Emulator) -> None:
    listed = emulator.quotas.list_service_quotas(ServiceCode="bedrock")["Quotas"]
    assert {each["QuotaName"]: each["Value"] for each in listed}[
        "Model units no-commitment Provisioned Throughputs across custom models"
    ] == throughput.MOST_UNITS
    emulator.clients_of("nobody")
    client = boto3.session.Session("nobody", "secret", region_name=REGION).client(
        "service-quotas", endpoint_url=emulator.endpoint
    )
    with pytest.raises(ClientError, match="not authorized to perform: servicequotas:ListServiceQuotas"):
        client.list_service_quotas(ServiceCode="bedrock")
