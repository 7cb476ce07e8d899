"""Definitions of state machines, compiled; NotUnderstood names the state and the field of what is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tests.simulation.rules import _moment, condition
from tests.simulation.values import NotUnderstood, Read, expression, path, steps_of, template

MAX_SECONDS = 99_999_999


@dataclass(frozen=True)
class Retrier:
    """One rule of Retry; times in seconds."""

    errors: frozenset[str]
    interval: float
    attempts: int
    backoff: float
    max_delay: float
    full_jitter: bool


@dataclass(frozen=True)
class Catcher:
    """One rule of Catch; no result path discards the error."""

    errors: frozenset[str]
    result_path: tuple[str | int, ...] | None
    next: str


@dataclass(frozen=True)
class State:
    """A state: `fields` has the compiled value of each of its fields."""

    name: str
    kind: str
    fields: dict[str, Any]

    def get(self, field: str, default: Any = None) -> Any:
        """The compiled value of a field, the default where the definition has none."""
        return self.fields.get(field, default)


@dataclass(frozen=True)
class Machine:
    """A compiled state machine, or the inner one of a Map or a Parallel branch."""

    start_at: str
    states: dict[str, State]
    timeout_seconds: int | None = None

    @classmethod
    def of(cls, definition: dict[str, Any], inner: bool = False) -> Self:
        """Compile a definition; `inner` allows what only the processor of a Map has."""
        allowed = {"Comment", "QueryLanguage", "StartAt", "States"} | (
            {"ProcessorConfig"} if inner else {"TimeoutSeconds", "Version"}
        )
        _refuse_others("the state machine", definition, allowed, {"StartAt", "States"})
        if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
            raise NotUnderstood(f"QueryLanguage {definition['QueryLanguage']} of the state machine is not JSONPath")
        if definition.get("Version", "1.0") != "1.0":
            raise NotUnderstood(f"Version {definition['Version']} of the state machine is not 1.0")
        if definition.get("ProcessorConfig", {"Mode": "INLINE"}) != {"Mode": "INLINE"}:
            raise NotUnderstood(f"ProcessorConfig {definition['ProcessorConfig']} is not the mode INLINE")
        states = {name: _state(name, state) for name, state in definition["States"].items()}
        for name, state in [("StartAt", definition), *definition["States"].items()]:
            _refuse_missing_targets(name, state, states)
        seconds = definition.get("TimeoutSeconds")
        return cls(definition["StartAt"], states, None if seconds is None else _seconds(seconds))


def _refuse_others(where: str, record: Any, allowed: set[str], required: set[str]) -> None:
    if not isinstance(record, dict):
        raise NotUnderstood(f"{where} has to be an object, not {record!r}")
    if others := sorted(record.keys() - allowed):
        raise NotUnderstood(f"{where}: the field {others[0]} is not known")
    if missing := sorted(required - record.keys()):
        raise NotUnderstood(f"{where}: the field {missing[0]} is missing")


def _refuse_missing_targets(name: str, state: dict[str, Any], states: dict[str, State]) -> None:
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    targets = {rule[key] for rule in rules for key in ("Next", "Default", "StartAt") if key in rule}
    if missing := sorted(targets - states.keys()):
        raise NotUnderstood(f"state {name!r}: there is no state {missing[0]!r} to go to")


def _state(name: str, definition: Any) -> State:
    where = f"state {name!r}"
    kind = definition.get("Type") if isinstance(definition, dict) else None
    if kind not in FIELDS:
        raise NotUnderstood(f"{where}, field Type: {kind!r} is not one of {', '.join(FIELDS)}")
    allowed, required = FIELDS[kind]
    _refuse_others(where, definition, allowed | {"Type", "Comment", "QueryLanguage"}, required)
    if kind not in {"Choice", "Succeed", "Fail"} and ("Next" in definition) == (definition.get("End") is True):
        raise NotUnderstood(f"{where}: it has to have either Next or End")
    for one in ONE_OF.get(kind, ()):
        if len(definition.keys() & one) > 1:
            raise NotUnderstood(f"{where}: {' and '.join(sorted(definition.keys() & one))} exclude each other")
    if kind == "Wait" and not definition.keys() & ONE_OF["Wait"][0]:
        raise NotUnderstood(f"{where}: it does not say how long to wait")
    if kind == "Map" and not definition.keys() & {"ItemProcessor", "Iterator"}:
        raise NotUnderstood(f"{where}: the field ItemProcessor is missing")
    fields = {}
    for field, value in definition.items():
        try:
            fields[field] = COMPILE[field](value)
        except NotUnderstood as error:
            raise NotUnderstood(f"{where}, field {field}: {error}") from None
    return State(name, kind, fields)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise NotUnderstood(f"{value!r} is not a text")
    return value


def _resource(value: Any) -> str:
    text = _text(value)
    call = text.rpartition(":")[2] if text.startswith("arn:aws:states:::") else ""
    if ":activity:" in text or ("." in call and call != "invoke.waitForTaskToken"):
        raise NotUnderstood(f"{text} is not a function, a call that answers at once, or one that waits for its token")
    return text


def _language(value: Any) -> str:
    if value != "JSONPath":
        raise NotUnderstood(f"{value!r} is not JSONPath")
    return "JSONPath"


def _end(value: Any) -> bool:
    if not isinstance(value, bool):
        raise NotUnderstood(f"{value!r} is not true or false")
    return value


def _whole(value: Any, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_SECONDS:
        raise NotUnderstood(f"{value!r} is not a whole number from {least} to {MAX_SECONDS}")
    return value


def _seconds(value: Any) -> int:
    return _whole(value, 1)


def _timestamp(value: Any) -> datetime:
    moment = _moment(value)
    if moment is None:
        raise NotUnderstood(f"{value!r} is not a time such as 2026-11-30T12:00:00Z")
    return moment


def _or_null(compiler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else compiler(value)


def _nothing(_: Any) -> dict[str, Any]:
    return {}


def _filter(value: Any) -> Read:
    """An InputPath or OutputPath, of which null selects an empty object."""
    return (lambda _: {}) if value is None else path(value)


def _reference(value: Any) -> tuple[str | int, ...]:
    steps = steps_of(_text(value))
    if any(isinstance(step, int) for step in steps):
        raise NotUnderstood(f"an index in the ResultPath {value!r} is not known")
    return steps


def _inner(value: Any) -> Machine:
    return Machine.of(value, inner=True)


def _branches(value: Any) -> list[Machine]:
    return [Machine.of(branch, inner=True) for branch in _entries(value)]


def _choices(value: Any) -> list[tuple[Read, str]]:
    return [(condition(rule), _text(rule.get("Next"))) for rule in _entries(value)]


def _entries(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise NotUnderstood("it has to be a list with an entry at least")
    return value


def _errors(rules: list[Any], index: int) -> frozenset[str]:
    """The names of a rule's ErrorEquals; States.ALL stands alone and in the last rule."""
    names = _entries(rules[index].get("ErrorEquals"))
    if "States.ALL" in names and (len(names) > 1 or index < len(rules) - 1):
        raise NotUnderstood("States.ALL has to be alone in ErrorEquals, and in the last rule")
    return frozenset(_text(name) for name in names)


def _retriers(value: Any) -> list[Retrier]:
    rules = _entries(value)
    fields = {"IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
    for rule in rules:
        _refuse_others("a retrier", rule, fields | {"ErrorEquals"}, {"ErrorEquals"})
        if rule.get("JitterStrategy", "NONE") not in {"FULL", "NONE"}:
            raise NotUnderstood(f"JitterStrategy {rule['JitterStrategy']!r} is not FULL or NONE")
        rate = rule.get("BackoffRate", 2.0)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
            raise NotUnderstood(f"BackoffRate {rate!r} is not a number from 1 on")
    return [
        Retrier(
            errors=_errors(rules, index),
            interval=_seconds(rule.get("IntervalSeconds", 1)),
            attempts=_whole(rule.get("MaxAttempts", 3)),
            backoff=rule.get("BackoffRate", 2.0),
            max_delay=_seconds(rule["MaxDelaySeconds"]) if "MaxDelaySeconds" in rule else float("inf"),
            full_jitter=rule.get("JitterStrategy") == "FULL",
        )
        for index, rule in enumerate(rules)
    ]


def _catchers(value: Any) -> list[Catcher]:
    rules = _entries(value)
    for rule in rules:
        _refuse_others("a catcher", rule, {"ErrorEquals", "ResultPath", "Next", "Comment"}, {"ErrorEquals", "Next"})
    return [
        Catcher(_errors(rules, index), COMPILE["ResultPath"](rule.get("ResultPath", "$")), _text(rule["Next"]))
        for index, rule in enumerate(rules)
    ]


COMPILE: dict[str, Callable[[Any], Any]] = {
    "Type": _text,
    "Comment": _nothing,
    "QueryLanguage": _language,
    "Next": _text,
    "End": _end,
    "InputPath": _filter,
    "OutputPath": _filter,
    "Parameters": template,
    "ItemSelector": template,
    "ResultSelector": template,
    "ResultPath": _or_null(_reference),
    "Result": lambda value: value,
    "Resource": _resource,
    "TimeoutSeconds": _seconds,
    "TimeoutSecondsPath": path,
    "Retry": _retriers,
    "Catch": _catchers,
    "Choices": _choices,
    "Default": _text,
    "Seconds": _whole,
    "SecondsPath": path,
    "Timestamp": _timestamp,
    "TimestampPath": path,
    "ItemsPath": path,
    "MaxConcurrency": _whole,
    "MaxConcurrencyPath": path,
    "ItemProcessor": _inner,
    "Iterator": _inner,
    "Branches": _branches,
    "Error": _text,
    "ErrorPath": expression,
    "Cause": _text,
    "CausePath": expression,
}
_FLOW = {"Next", "End"}
_FILTERS = {"InputPath", "OutputPath"}
_WORK = _FLOW | _FILTERS | {"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
_ITEMS = {"ItemsPath", "ItemSelector", "ItemProcessor", "Iterator", "MaxConcurrency", "MaxConcurrencyPath"}
_WAITS = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
# What each type of state may have, and what it must have.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "Pass": (_FLOW | _FILTERS | {"Parameters", "Result", "ResultPath"}, set()),
    "Task": (_WORK | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath"}, {"Resource"}),
    "Choice": (_FILTERS | {"Choices", "Default"}, {"Choices"}),
    "Wait": (_FLOW | _FILTERS | _WAITS, set()),
    "Map": (_WORK | _ITEMS, set()),
    "Parallel": (_WORK | {"Branches"}, {"Branches"}),
    "Succeed": (_FILTERS, set()),
    "Fail": ({"Error", "ErrorPath", "Cause", "CausePath"}, set()),
}
ONE_OF: dict[str, tuple[set[str], ...]] = {
    "Task": ({"TimeoutSeconds", "TimeoutSecondsPath"},),
    "Wait": (_WAITS,),
    "Map": (
        {"ItemProcessor", "Iterator"},
        {"ItemSelector", "Parameters"},
        {"MaxConcurrency", "MaxConcurrencyPath"},
    ),
    "Fail": ({"Error", "ErrorPath"}, {"Cause", "CausePath"}),
}
