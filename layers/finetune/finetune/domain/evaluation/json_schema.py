"""The part of JSON Schema that says what an answer's JSON must look like, without references: no schema has loops.

Keywords mean what draft 2020-12 says. Regular expressions are left out: a slow one could hold up a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from finetune.foreign import foreign

# Each value of an answer may be compared with each part of a schema.
MOST_LEVELS, MOST_PARTS = 20, 2_000

_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "default", "examples"})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}


def matches(value: Any, schema: Any) -> bool:
    """Whether a JSON value is what a schema asks for."""
    if isinstance(schema, bool):
        return schema
    return all(_KEYWORDS[name](value, wanted, schema) for name, wanted in schema.items() if name in _KEYWORDS)


def flaws(schema: Any, path: str = "json_schema", level: int = 0) -> Iterator[str]:
    """What keeps a schema from being used, one sentence's end for each: "json_schema.pattern is not supported"."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{foreign(path)} is not an object"
        return
    if level > MOST_LEVELS:
        yield f"{foreign(path)} nests deeper than {MOST_LEVELS} levels"
        return
    for name, wanted in schema.items():
        if name in _ANNOTATIONS:
            continue
        if name not in _KEYWORDS:
            yield f"{foreign(f'{path}.{name}')} is not supported; the known keywords are {', '.join(_KEYWORDS)}"
        elif not _WELL_FORMED[name](wanted):
            yield f"{foreign(f'{path}.{name}')} has a value that is not allowed"
        else:
            for inner, where in _inner(name, wanted, f"{path}.{name}"):
                yield from flaws(inner, where, level + 1)


def has_too_many_parts(schema: Any) -> bool:
    """Whether a schema has more keys and values than it may, whatever they mean."""
    parts, pending = 0, [schema]
    while pending and parts <= MOST_PARTS:
        value = pending.pop()
        parts += 1
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return parts > MOST_PARTS


def _inner(name: str, wanted: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The schemas inside a keyword's value."""
    if name == "properties":
        yield from ((inner, f"{path}.{key}") for key, inner in wanted.items())
    elif name in {"items", "additionalProperties"}:
        yield wanted, path
    elif name in {"anyOf", "allOf"}:
        yield from ((inner, f"{path}.{number}") for number, inner in enumerate(wanted))


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _has_type(value: Any, wanted: Any, _schema: Any) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _properties(value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, dict) or all(matches(value[key], wanted[key]) for key in wanted if key in value)


def _additional(value: Any, wanted: Any, schema: Any) -> bool:
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(matches(each, wanted) for key, each in value.items() if key not in known)


def _of[Kind](kind: Callable[[Any], bool], rule: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Any], bool]:
    """A rule for values of one kind; all others pass it."""
    return lambda value, wanted, _schema: not kind(value) or rule(value, wanted)


_OBJECT, _ARRAY, _STRING = _TYPES["object"], _TYPES["array"], _TYPES["string"]
_KEYWORDS: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "type": _has_type,
    "enum": lambda value, wanted, _schema: any(_same(value, one) for one in wanted),
    "const": lambda value, wanted, _schema: _same(value, wanted),
    "properties": _properties,
    "required": _of(_OBJECT, lambda value, wanted: all(key in value for key in wanted)),
    "additionalProperties": _additional,
    "items": _of(_ARRAY, lambda value, wanted: all(matches(each, wanted) for each in value)),
    "minItems": _of(_ARRAY, lambda value, wanted: len(value) >= wanted),
    "maxItems": _of(_ARRAY, lambda value, wanted: len(value) <= wanted),
    "minLength": _of(_STRING, lambda value, wanted: len(value) >= wanted),
    "maxLength": _of(_STRING, lambda value, wanted: len(value) <= wanted),
    "minimum": _of(_is_number, lambda value, wanted: value >= wanted),
    "maximum": _of(_is_number, lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _of(_is_number, lambda value, wanted: value > wanted),
    "exclusiveMaximum": _of(_is_number, lambda value, wanted: value < wanted),
    "anyOf": lambda value, wanted, _schema: any(matches(value, one) for one in wanted),
    "allOf": lambda value, wanted, _schema: all(matches(value, one) for one in wanted),
}


def _names(wanted: Any) -> bool:
    return isinstance(wanted, list) and all(isinstance(name, str) for name in wanted)


def _type_names(wanted: Any) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return _names(names) and bool(names) and set(names) <= _TYPES.keys()


def _count(wanted: Any) -> bool:
    return type(wanted) is int and wanted >= 0


def _schemas(wanted: Any) -> bool:
    return isinstance(wanted, list) and bool(wanted)


_WELL_FORMED: Mapping[str, Callable[[Any], bool]] = {
    "type": _type_names,
    "enum": lambda wanted: isinstance(wanted, list),
    "const": lambda _wanted: True,
    "properties": _OBJECT,
    "required": _names,
    "additionalProperties": lambda _wanted: True,
    "items": lambda _wanted: True,
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    "anyOf": _schemas,
    "allOf": _schemas,
}
