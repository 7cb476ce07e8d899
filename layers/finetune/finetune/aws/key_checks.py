"""Whether the stack's own KMS key can be used by everything that has to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from finetune.aws import clients
from finetune.aws.examined import Examined, Found
from finetune.aws.translation import translated

_ENCRYPTS = ("kms:Decrypt", "kms:GenerateDataKey")
# What each service does with the key in its own name, and the condition keys that its requests have.
_SERVICES: Mapping[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "bedrock.amazonaws.com": (_ENCRYPTS, frozenset({"aws:SourceAccount", "aws:SourceArn"})),
    "cloudwatch.amazonaws.com": (_ENCRYPTS, frozenset({"aws:SourceAccount", "aws:SourceArn"})),
    "events.amazonaws.com": (_ENCRYPTS, frozenset()),
    "logs.{region}.amazonaws.com": (
        ("kms:Encrypt", *_ENCRYPTS, "kms:DescribeKey"),
        frozenset({"kms:EncryptionContext:aws:logs:arn", "aws:SourceAccount", "aws:SourceArn"}),
    ),
}
_MEND = "Give it the policy of docs/key-policy.json, with your account and Region in it."


def key(by: Examined) -> Found:
    """Whether the key is enabled, and lets the services and the account's roles use it."""
    arn = by.parameters.get("KmsKeyArn", "")
    if not arn:
        return Found("ok", "no key of your own: AWS manages them")
    with translated(f"looking at the key {arn}"):
        state = clients.kms().describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
        policy = json.loads(clients.kms().get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    if state != "Enabled":
        return Found("wrong", f"the key is {state}", "Enable it, or cancel its deletion, in the console of KMS.")
    if lacking := list(_lacking(by, policy)):
        return Found("wrong", f"the key's policy does not let these use it: {', '.join(lacking)}", _MEND)
    return Found("ok", f"{arn.rpartition('/')[2]} can be used")


def _lacking(by: Examined, policy: Mapping[str, Any]) -> Iterator[str]:
    """The services and the account that the key's policy leaves out."""
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]
    number, _ = by.account
    roots = {number, f"arn:aws:iam::{number}:root", "*"}
    if not any(roots & set(_principals(each, "AWS")) and _may(each, "kms:Decrypt") for each in allowed):
        yield f"the roles of account {number}"
    for service, (actions, sent) in _SERVICES.items():
        name = service.format(region=by.region)
        own = [
            each
            for each in allowed
            if name in _principals(each, "Service")
            and {condition for keys in each.get("Condition", {}).values() for condition in keys} <= sent
        ]
        if not all(any(_may(each, action) for each in own) for action in actions):
            yield name


def _principals(statement: Mapping[str, Any], kind: str) -> list[str]:
    principal = statement.get("Principal", {})
    found = principal.get(kind, []) if isinstance(principal, Mapping) else [principal]
    return found if isinstance(found, list) else [found]


def _may(statement: Mapping[str, Any], action: str) -> bool:
    given = statement.get("Action", [])
    return any(fnmatchcase(action, each) for each in (given if isinstance(given, list) else [given]))
