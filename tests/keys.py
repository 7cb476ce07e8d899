"""A KMS key under the policy that the documentation ships."""

from __future__ import annotations

from functools import cache

from local.bedrock.policy import Statement, statements
from tests.emulator import ACCOUNT, REGION
from tools.project import ROOT

KEY_POLICY = ROOT / "docs/key-policy.json"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-{'0' * 32}"


def key_policy_text(account: str = ACCOUNT, region: str = REGION) -> str:
    """The policy for an account and Region."""
    return KEY_POLICY.read_text().replace("ACCOUNT", account).replace("REGION", region)


@cache
def key_policy() -> list[Statement]:
    """Its statements."""
    return statements(key_policy_text())
