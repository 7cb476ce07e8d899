"""What every operation works on: the clock, the records, the faults and the ways out to S3 and IAM."""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from local.bedrock.errors import ServiceError
from local.bedrock.faults import Faults
from local.bedrock.policy import Statement
from local.bedrock.records import Resource, State
from local.bedrock.unknowns import Unknowns
from local.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Params = Mapping[str, Any]
type Result = dict[str, Any]
type Operation = Callable[["World", Params], Result]


class Policies(Protocol):
    """Where the policies of roles are read; both raise LookupError for a role that does not exist."""

    def identity(self, role_arn: str) -> list[Statement]:
        """What a role may do."""

    def trust(self, role_arn: str) -> list[Statement]:
        """Who may assume a role."""

    def key(self, key_arn: str) -> list[Statement]:
        """Who may use a KMS key; nobody may use one that does not exist."""


@dataclass
class World:
    """One account in one region; `lock` guards `state`."""

    clock: Clock
    region: str
    account: str
    state: State
    faults: Faults
    policies: Policies
    s3_for_role: Callable[[str], "S3Client"]
    unknowns: Unknowns = field(default_factory=Unknowns)
    lock: threading.RLock = field(default_factory=threading.RLock)
    closing: threading.Event = field(default_factory=threading.Event)

    def now(self) -> datetime:
        """The present service time."""
        return self.clock.now()

    def arn(self, kind: str, *path: str) -> str:
        """The ARN of a resource of this account: `custom-model`, its base model and its id."""
        return f"arn:aws:bedrock:{self.region}:{self.account}:{'/'.join((kind, *path))}"

    def new_arn(self, kind: str, *path: str) -> str:
        """An ARN with a fresh id of twelve characters."""
        return self.arn(kind, *path, secrets.token_hex(6))

    def foundation_model_arn(self, model_id: str, region: str | None = None) -> str:
        """The ARN of a base model, with or without the suffix of its context length."""
        return f"arn:aws:bedrock:{region or self.region}::foundation-model/{model_id}"

    def over_quota(self, message: str) -> ServiceError:
        """The request would exceed a quota of the account."""
        return ServiceError(self.unknowns.over_quota, message)

    def tag(self, arn: str, tags: Iterable[Mapping[str, str]] | None) -> None:
        """Lay tags over those that a resource has."""
        self.state.tags[arn] = self.state.tags.get(arn, {}) | {tag["key"]: tag["value"] for tag in tags or ()}


def live[R: Resource](resources: Mapping[str, R]) -> list[R]:
    """The resources that were not deleted."""
    return [resource for resource in resources.values() if resource.deleted_at is None]


def find[R: Resource](resources: Mapping[str, R], identifier: str) -> R | None:
    """The live resource of an ARN or a name."""
    return next((one for one in live(resources) if identifier in {one.arn, one.name}), None)


def repeated[R: Resource](
    resources: Mapping[str, R], params: Params, mismatch: Callable[[str], ServiceError]
) -> R | None:
    """What an earlier request with the same client token created; `mismatch` is raised if that request was another."""
    token = params.get("clientRequestToken")
    earlier = next((one for one in resources.values() if token is not None and one.token == token), None)
    if earlier and earlier.request != without_token(params):
        raise mismatch(f"The clientRequestToken {token} was already used with different parameters.")
    return earlier


def without_token(params: Params) -> dict[str, Any]:
    """What a request asks for, its idempotency token aside."""
    return {name: value for name, value in params.items() if name != "clientRequestToken"}
