"""The rules of a Choice state, compiled to functions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from tests.simulation.values import RUNTIME, Failure, NotUnderstood, Read, Scope, path

type Compare = Callable[[Any, Any], bool]


def _moment(value: Any) -> datetime | None:
    """An RFC 3339 time with `T` and an offset, None for anything else."""
    if not isinstance(value, str) or not re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value
    ):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


KINDS: dict[str, Callable[[Any], Any]] = {
    "String": _text,
    "Numeric": _number,
    "Boolean": _boolean,
    "Timestamp": _moment,
}
RELATIONS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}


def _compared(kind: Callable[[Any], Any], relation: Compare, value: Any, other: Any) -> bool:
    """Whether both values are of a kind and the relation holds; values of another kind never compare."""
    left, right = kind(value), kind(other)
    return left is not None and right is not None and bool(relation(left, right))


def _matches(value: Any, pattern: str) -> bool:
    """Whether a text fits a pattern, in which `*` is any text and `\\*` a star."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
    return isinstance(value, str) and re.fullmatch(expression, value, re.DOTALL) is not None


COMPARISONS: dict[str, Compare] = {
    f"{name}{relation}": partial(_compared, kind, compare)
    for name, kind in KINDS.items()
    for relation, compare in RELATIONS.items()
    if name != "Boolean" or relation == "Equals"
}
TESTS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: _text(value) is not None,
    "IsNumeric": lambda value: _number(value) is not None,
    "IsBoolean": lambda value: _boolean(value) is not None,
    "IsTimestamp": lambda value: _moment(value) is not None,
}


def condition(rule: dict[str, Any]) -> Read:
    """Whether the data of a Choice state fulfils a rule; its Next and Comment are the caller's."""
    fields = {key: value for key, value in rule.items() if key not in {"Next", "Comment"}}
    if len(fields) == 1:
        ((name, inner),) = fields.items()
        if name == "Not":
            negated = condition(_nested(inner))
            return lambda scope: not negated(scope)
        if name in {"And", "Or"} and isinstance(inner, list) and inner:
            parts = [condition(_nested(part)) for part in inner]
            every = all if name == "And" else any
            return lambda scope: every(part(scope) for part in parts)
    if len(fields) != 2 or "Variable" not in fields:
        raise NotUnderstood(f"a rule has to be And, Or, Not, or a Variable with one comparison, not {sorted(fields)}")
    variable = fields.pop("Variable")
    ((name, operand),) = fields.items()
    return _comparison(variable, name, operand)


def _nested(rule: Any) -> dict[str, Any]:
    if not isinstance(rule, dict) or "Next" in rule:
        raise NotUnderstood("a rule inside And, Or and Not is an object without Next")
    return rule


def _comparison(variable: str, name: str, operand: Any) -> Read:
    read = _condition_path(variable)
    if name == "IsPresent" or name in TESTS:
        if not isinstance(operand, bool):
            raise NotUnderstood(f"{name} has to be true or false")
        if name == "IsPresent":
            return lambda scope: _present(read, scope) is operand
        test = TESTS[name]
        return lambda scope: test(read(scope)) is operand
    if name == "StringMatches" and isinstance(operand, str):
        return lambda scope: _matches(read(scope), operand)
    if (compare := COMPARISONS.get(name.removesuffix("Path"))) is None:
        raise NotUnderstood(f"the comparison {name} is not known")
    if name.endswith("Path"):
        other = _condition_path(operand)
        return lambda scope: compare(read(scope), other(scope))
    if next(kind for start, kind in KINDS.items() if name.startswith(start))(operand) is None:
        raise NotUnderstood(f"{name} cannot compare with {operand!r}")
    return lambda scope: compare(read(scope), operand)


def _condition_path(text: Any) -> Read:
    read = path(text)

    def value(scope: Scope) -> Any:
        try:
            return read(scope)
        except Failure:
            cause = f"Invalid path '{text}': The choice state's condition path references an invalid value."
            raise Failure(RUNTIME, cause) from None

    return value


def _present(read: Read, scope: Scope) -> bool:
    try:
        read(scope)
    except Failure:
        return False
    return True
