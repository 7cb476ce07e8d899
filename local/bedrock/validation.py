"""Checks values against a botocore shape as the service does: patterns, lengths, ranges and enums included."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local.bedrock.errors import ServiceError, invalid

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime,),
    "blob": (str, bytes),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def check(shape: Shape, value: Any) -> None:
    """Raise one ValidationException that lists every violation of `shape` in `value`, in the service's wording."""
    found = list(violations(shape, value, ""))
    if found:
        errors = "error" if len(found) == 1 else "errors"
        raise invalid(f"{len(found)} validation {errors} detected: {'; '.join(found)}")


def violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Every way in which `value` is not a `shape`; sensitive values are not repeated."""
    if getattr(shape, "is_document_type", False):
        return
    if not _has_type(shape, value):
        yield _violation(shape, value, path, f"Member must be of type {shape.type_name}")
        return
    if isinstance(shape, StructureShape):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _bounds(shape, value, path, len(value), "length")
        for number, item in enumerate(value, start=1):
            yield from violations(shape.member, item, f"{_join(path, str(number))}.member")
    elif isinstance(shape, MapShape):
        yield from _bounds(shape, value, path, len(value), "length")
        for key, item in value.items():
            yield from violations(shape.key, key, _join(path, "key"))
            yield from violations(shape.value, item, _join(path, f"{key}.value"))
    elif shape.type_name == "blob":
        yield from _blob(shape, value, path)
    elif shape.type_name == "string":
        yield from _bounds(shape, value, path, len(value), "length")
        yield from _text(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _bounds(shape, value, path, value, "value")


def _has_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool) and shape.type_name != "boolean":
        return False
    return isinstance(value, _PYTHON_TYPES[shape.type_name])


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        if name not in shape.members:
            yield f"Value at '{_join(path, name)}' failed to satisfy constraint: Member is not known"
        elif item is not None:
            yield from violations(shape.members[name], item, _join(path, name))
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield f"Value at '{path}' failed to satisfy constraint: Member must have exactly one of its members set"


def _bounds(shape: Shape, value: Any, path: str, size: float, noun: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _violation(shape, value, path, f"Member must have {noun} greater than or equal to {least}")
    if most is not None and size > most:
        yield _violation(shape, value, path, f"Member must have {noun} less than or equal to {most}")


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _compiled(pattern).fullmatch(value):
        yield _violation(shape, value, path, f"Member must satisfy regular expression pattern: {pattern}")
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield _violation(shape, value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")


def _blob(shape: Shape, value: str | bytes, path: str) -> Iterator[str]:
    """The bytes of a blob, which JSON holds in base64."""
    try:
        content = b64decode(value, validate=True) if isinstance(value, str) else value
    except ValueError:
        yield _violation(shape, value, path, "Member must be of type blob")
        return
    yield from _bounds(shape, value, path, len(content), "length")


def _violation(shape: Shape, value: Any, path: str, constraint: str) -> str:
    shown = "***" if shape.metadata.get("sensitive") else value
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def unreadable(where: str, wanted: str) -> ServiceError:
    """The error of a member whose text cannot be read as its type."""
    return invalid(
        f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must be {wanted}"
    )
