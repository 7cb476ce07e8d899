"""Temporary credentials of roles: what Lambda and Step Functions obtain from STS before they act for a customer."""

import json
import secrets
import threading
import time
from dataclasses import dataclass

from ministack.services import iam, sts

LIFETIME_SECONDS = 3600
RENEWAL_MARGIN_SECONDS = 300


class RoleNotAssumableError(Exception):
    """The role does not exist, or its trust policy does not name the service."""


@dataclass(frozen=True)
class RoleCredentials:
    """One STS session of a role; `expires_at` is in seconds since the epoch (real time)."""

    role_arn: str
    access_key: str
    secret_key: str
    session_token: str
    expires_at: float

    def fresh(self) -> bool:
        """Whether the session outlives the next call by a safe margin."""
        return time.time() < self.expires_at - RENEWAL_MARGIN_SECONDS

    def environment(self) -> dict[str, str]:
        """The session as AWS_* environment variables."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


class CredentialRegistry:
    """Hands out role sessions and remembers which access key belongs to which role."""

    def __init__(self) -> None:
        self._roles: dict[str, str] = {}
        self._sessions: dict[tuple[str, str], RoleCredentials] = {}
        self._lock = threading.Lock()

    def role_of(self, access_key: str) -> str | None:
        """The ARN of the role whose session `access_key` belongs to, None for a key that was not issued here."""
        return self._roles.get(access_key)

    def assume(self, role_arn: str, service: str, session_name: str) -> RoleCredentials:
        """Credentials of `role_arn` for `service` (`lambda.amazonaws.com`); the same session until it nears its end."""
        with self._lock:
            session = self._sessions.get((role_arn, session_name))
            if session is None or not session.fresh():
                session = _open_session(role_arn, service, session_name)
                self._sessions[role_arn, session_name] = session
                self._roles[session.access_key] = role_arn
            return session


def _open_session(role_arn: str, service: str, session_name: str) -> RoleCredentials:
    account = role_arn.split(":")[4]
    role_name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, role_name)
    if role is None or not _trusts(role["AssumeRolePolicyDocument"], service):
        raise RoleNotAssumableError(f"The role {role_arn} cannot be assumed by {service}.")
    session = RoleCredentials(
        role_arn=role_arn,
        access_key=sts._gen_session_access_key(),
        secret_key=secrets.token_urlsafe(30),
        session_token=sts._gen_session_token(),
        expires_at=time.time() + LIFETIME_SECONDS,
    )
    sts.register_session(
        session.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name[:64]}",
            "UserId": f"{role['RoleId']}:{session_name[:64]}",
            "SecretAccessKey": session.secret_key,
            "SessionToken": session.session_token,
            "Expiration": session.expires_at,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    return session


def _trusts(trust_policy: str | dict[str, object], service: str) -> bool:
    document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    return any(
        statement["Effect"] == "Allow" and service in _as_list(statement.get("Principal", {}).get("Service", []))
        for statement in _as_list(document["Statement"])
    )


def _as_list(value: object) -> list:  # type: ignore[type-arg]  # JSON of any shape
    return value if isinstance(value, list) else [value]
