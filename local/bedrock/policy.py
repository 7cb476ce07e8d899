"""Evaluates IAM policy documents: identity policies of a role and trust policies, with their conditions.

SimulatePrincipalPolicy of the local cloud handles one resource and no condition keys. It cannot test tag conditions and
`iam:PassedToService`, so this module does.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

type Context = Mapping[str, str | Sequence[str]]
type Statement = Mapping[str, Any]
type Decision = Literal["allowed", "explicitDeny", "implicitDeny"]

_POLICY_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Question:
    """May this be done? Names are IAM's: `bedrock:GetCustomModel`, an ARN, condition keys by their full name.

    `by` is who does it if not the caller: the ARN of a role, or a service such as `bedrock.amazonaws.com`.
    """

    action: str
    resource: str
    context: Context
    by: str = ""


def statements(document: str | Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy document, whether it holds one or a list, as JSON or parsed."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return [dict(statement) for statement in _listed(parsed["Statement"])]


def decide(policy: Iterable[Statement], question: Question) -> Decision:
    """IAM's decision of identity policies: an explicit deny wins, then an allow, else nothing is allowed."""
    effects = {statement["Effect"] for statement in policy if _applies(statement, question)}
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def trusts(policy: Iterable[Statement], service: str, context: Context) -> bool:
    """Whether a trust policy lets a service assume its role in the given context."""
    return decide_for_service(policy, service, Question("sts:AssumeRole", "", context)) == "allowed"


def decide_for_service(policy: Iterable[Statement], service: str, question: Question) -> Decision:
    """The decision of a resource's own policy about a service."""
    return decide(_naming(policy, "Service", service), question)


def decide_key(key: Sequence[Statement], identity: Iterable[Statement], role_arn: str, question: Question) -> Decision:
    """KMS's decision about a role: the key's policy names it, or leaves the decision to the account's own policies."""
    root = f"arn:aws:iam::{role_arn.split(':')[4]}:root"
    named, left = (decide(_naming(key, "AWS", name), question) for name in (role_arn, root))
    own = decide(identity, question)
    if "explicitDeny" in {named, left, own}:
        return "explicitDeny"
    return "allowed" if named == "allowed" or left == own == "allowed" else "implicitDeny"


def _naming(policy: Iterable[Statement], kind: str, name: str) -> list[Statement]:
    """The statements whose principal is this one."""
    return [statement for statement in policy if name in _listed(_principals(statement).get(kind, []))]


def _principals(statement: Statement) -> Mapping[str, Any]:
    principal = statement.get("Principal", {})
    return principal if isinstance(principal, Mapping) else {}


def _applies(statement: Statement, question: Question) -> bool:
    return (
        _among(statement, "Action", question.action.lower(), str.lower)
        and (not question.resource or _among(statement, "Resource", question.resource, str))
        and all(
            _holds(operator, key, _listed(expected), question.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def _among(statement: Statement, element: str, value: str, fold: Callable[[str], str]) -> bool:
    if f"Not{element}" in statement:
        return not any(_like(value, fold(pattern)) for pattern in _listed(statement[f"Not{element}"]))
    return any(_like(value, fold(pattern)) for pattern in _listed(statement.get(element, [])))


@lru_cache(maxsize=10_000)
def _like(value: str, pattern: str) -> bool:
    return _wildcards(pattern).fullmatch(value) is not None


@cache
def _wildcards(pattern: str) -> re.Pattern[str]:
    if _POLICY_VARIABLE.search(pattern):
        raise ValueError(f"The emulator does not evaluate policy variables, found in {pattern!r}.")
    translated = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(translated), re.DOTALL)


def _truth(value: str, expected: str) -> bool:
    return value.lower() == expected.lower()


# Operator -> (comparison, whether it is a negation of it).
_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "stringequals": (str.__eq__, False),
    "stringnotequals": (str.__eq__, True),
    "stringequalsignorecase": (_truth, False),
    "stringnotequalsignorecase": (_truth, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "arnequals": (_like, False),
    "arnnotequals": (_like, True),
    "arnlike": (_like, False),
    "arnnotlike": (_like, True),
    "bool": (_truth, False),
}


def _holds(operator: str, key: str, expected: Sequence[Any], context: Context) -> bool:
    name = operator.lower()
    actual = next((value for known, value in context.items() if known.lower() == key.lower()), None)
    if name == "null":
        return (actual is None) == (str(expected[0]).lower() == "true")
    if_exists = name.endswith("ifexists")
    quantifier, _, name = name.removesuffix("ifexists").rpartition(":")
    if name not in _OPERATORS:
        raise ValueError(f"The emulator does not evaluate the condition operator {operator!r}.")
    compare, negated = _OPERATORS[name]
    if actual is None:
        return if_exists or quantifier == "forallvalues" or (negated and not quantifier)
    values = [actual] if isinstance(actual, str) else list(actual)
    matches = [any(compare(value, str(one)) for one in expected) != negated for value in values]
    return all(matches) if quantifier == "forallvalues" else any(matches)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
