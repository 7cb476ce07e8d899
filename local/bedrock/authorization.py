"""Who calls, and whether IAM lets them: the access key of the signature names a role, its policies decide."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, Self

import boto3

from local.bedrock.errors import ServiceError, denied
from local.bedrock.policy import Decision, Question, Statement, decide, decide_for_service, decide_key, statements
from local.bedrock.world import Policies

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

ROOT_KEY = "test"
ROOT = "root"

_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/\d{8}/[^/,]+/(?P<service>bedrock|servicequotas|pricing)/aws4_request,"
)
_POLICY_LIFETIME_SECONDS = 5.0
_BECAUSE: dict[Decision, str] = {
    "implicitDeny": "because no identity-based policy allows the {action} action",
    "explicitDeny": "with an explicit deny in an identity-based policy",
}


class Session(Protocol):
    """Temporary credentials of a role."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...


class Registry(Protocol):
    """Knows which access key belongs to which role, and acts as a role on behalf of a service."""

    def role_of(self, access_key: str) -> str | None: ...
    def assume(self, role_arn: str, service: str, session_name: str) -> Session: ...


def caller(authorization: str | None, role_of: Callable[[str], str | None]) -> str:
    """`root` or the ARN of the role that signed the request; the signature itself is not verified."""
    if not authorization:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _CREDENTIAL.match(authorization)
    key = found["key"] if found else ""
    principal = ROOT if key == ROOT_KEY else role_of(key)
    if principal is None:
        raise ServiceError("UnrecognizedClientException", "The security token included in the request is invalid.")
    return principal


def service_asked(authorization: str | None) -> str:
    """The service that a request is signed for."""
    found = _CREDENTIAL.match(authorization or "")
    return found["service"] if found else ""


def authorize(policies: Policies, caller: str, asked: Iterable[Question]) -> None:
    """Raise AccessDeniedException for the first thing that the caller, or who acts for it, may not do."""
    for question in asked:
        principal = question.by or caller
        if principal == ROOT:
            continue
        decision = _decide(policies, principal, question)
        if decision != "allowed":
            raise refusal(principal, question, decision)


def _decide(policies: Policies, principal: str, question: Question) -> Decision:
    of_key = question.action.startswith("kms:")
    if not principal.startswith("arn:"):
        return decide_for_service(policies.key(question.resource), principal, question)
    try:
        own = policies.identity(principal)
    except LookupError:
        own = []
    return decide_key(policies.key(question.resource), own, principal, question) if of_key else decide(own, question)


def refusal(principal: str, question: Question, decision: Decision) -> ServiceError:
    """AWS's sentence about a permission that a role or a service lacks."""
    user = principal
    if principal.startswith("arn:"):
        account, role = principal.split(":")[4], principal.rsplit("/", 1)[-1]
        user = f"arn:aws:sts::{account}:assumed-role/{role}/session"
    because = _BECAUSE[decision].format(action=question.action)
    on = "" if question.resource == "*" else f" on resource: {question.resource}"
    return denied(f"User: {user} is not authorized to perform: {question.action}{on} {because}")


class IamPolicies:
    """The policies of roles and keys as the gateway's IAM and KMS tell them, those of roles for a few seconds."""

    def __init__(self, iam: "IAMClient", kms: "KMSClient") -> None:
        self._iam, self._kms = iam, kms
        self._known: dict[str, tuple[float, list[Statement]]] = {}
        self._lock = threading.Lock()

    @classmethod
    def at(cls, endpoint: str, region: str) -> Self:
        """Policies read from the IAM of a gateway, as root."""
        session = boto3.session.Session(ROOT_KEY, ROOT_KEY, region_name=region)
        return cls(session.client("iam", endpoint_url=endpoint), session.client("kms", endpoint_url=endpoint))

    def identity(self, role_arn: str) -> list[Statement]:
        """Inline and attached policies of a role; LookupError for a role that does not exist."""
        with self._lock:
            read_at, known = self._known.get(role_arn, (0.0, []))
            if time.monotonic() - read_at > _POLICY_LIFETIME_SECONDS or not read_at:
                known = self._read(role_arn.rsplit("/", 1)[-1])
                self._known[role_arn] = (time.monotonic(), known)
            return known

    def trust(self, role_arn: str) -> list[Statement]:
        """The trust policy of a role; LookupError for a role that does not exist."""
        try:
            role = self._iam.get_role(RoleName=role_arn.rsplit("/", 1)[-1])["Role"]
        except self._iam.exceptions.NoSuchEntityException as error:
            raise LookupError(role_arn) from error
        return statements(role["AssumeRolePolicyDocument"])

    def key(self, key_arn: str) -> list[Statement]:
        """The policy of a KMS key, nothing for a key that does not exist."""
        try:
            return statements(self._kms.get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"])
        except self._kms.exceptions.NotFoundException:
            return []

    def _read(self, role: str) -> list[Statement]:
        found: list[Statement] = []
        try:
            for page in self._iam.get_paginator("list_role_policies").paginate(RoleName=role):
                for name in page["PolicyNames"]:
                    found += statements(self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
            for attached in self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
                for policy in attached["AttachedPolicies"]:
                    found += self._managed(policy["PolicyArn"])
        except self._iam.exceptions.NoSuchEntityException as error:
            raise LookupError(role) from error
        return found

    def _managed(self, arn: str) -> list[Statement]:
        try:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        except self._iam.exceptions.NoSuchEntityException:
            # ministack carries only some of the policies that AWS manages; one it lacks grants nothing here.
            return []
        return statements(self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def s3_as(registry: Registry, endpoint: str, region: str) -> Callable[[str], "S3Client"]:
    """Makes S3 clients that act with a role's own credentials, as a customization job does."""

    def client(role_arn: str) -> "S3Client":
        session = registry.assume(role_arn, "bedrock.amazonaws.com", "bedrock-model-customization")
        own = boto3.session.Session(session.access_key, session.secret_key, session.session_token, region)
        return own.client("s3", endpoint_url=endpoint)

    return client
