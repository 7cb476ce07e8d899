"""Paths, payload templates and intrinsic functions of Amazon States Language, compiled to functions.

Only reference paths are known (`$.a.b`, `$['a b']`, `$.a[0]`, and `$$` for the context object). What is not known is
refused while a definition is compiled, with NotUnderstood.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

RUNTIME = "States.Runtime"
DATA_LIMIT = "States.DataLimitExceeded"
MAX_BYTES = 262_144
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

_STEP = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
_FUNCTION = re.compile(r"(States\.\w+)\s*\(")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")
_PATH = re.compile(r"""\$\$?(?:\.[\w-]+|\[\d+\]|\['[^'\\]*'\]|\["[^"\\]*"\])*""")
_WORD = re.compile(r"true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")

type Read = Callable[[Scope], Any]


class NotUnderstood(Exception):
    """The definition has something that this interpreter does not know, or that AWS refuses."""


class Failure(Exception):
    """What ends a state with an error."""

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.located = False  # whether the cause names the state


class Scope(NamedTuple):
    """What paths read: the data of a state (`$`) and the context object (`$$`)."""

    data: Any
    context: dict[str, Any]


def json_text(value: Any) -> bytes:
    """The JSON of a value, as short as it gets, in UTF-8; TypeError for what is not JSON."""
    return orjson.dumps(value, option=_STRICT)


def steps_of(path: str) -> tuple[str | int, ...]:
    """The names and indexes of a reference path behind its `$`."""
    steps, at = [], 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            break
        name, index, quoted, double = found.groups()
        steps.append(int(index) if index else next(text for text in (name, quoted, double) if text is not None))
        at = found.end()
    if not path.startswith("$") or at < len(path):
        raise NotUnderstood(f"the path {path!r} is not a reference path such as $.a.b or $.a[0]")
    return tuple(steps)


def path(text: Any) -> Read:
    """A function that reads the value at a path, or fails with States.Runtime."""
    if not isinstance(text, str):
        raise NotUnderstood(f"{text!r} is not a path")
    in_context = text.startswith("$$")
    steps = steps_of(text[1:] if in_context else text)

    def read(scope: Scope) -> Any:
        value: Any = scope.context if in_context else scope.data
        try:
            for step in steps:
                value = value[step]
        except (KeyError, IndexError, TypeError):
            raise Failure(RUNTIME, f"The JSONPath '{text}' could not be found in the input.") from None
        return value

    return read


def place(steps: tuple[str | int, ...], value: Any, put: Any) -> Any:
    """`value` with `put` at the steps of a ResultPath; what lies on the way is copied, what is missing is made."""
    if not steps:
        return put
    if not isinstance(value, dict):
        raise Failure(RUNTIME, f"The ResultPath's step '{steps[0]}' cannot be applied to a value that is no object.")
    key = steps[0]
    return value | {key: place(steps[1:], value.get(key, {}), put)}


def template(value: Any) -> Read:
    """A payload template: keys that end in `.$` have a path or an intrinsic function, all else stays as it is."""
    if isinstance(value, dict):
        fields = {
            key.removesuffix(".$"): expression(item) if key.endswith(".$") else template(item)
            for key, item in value.items()
        }
        if len(fields) < len(value):
            raise NotUnderstood(f"a key is there twice in {sorted(value)}")
        return lambda scope: {key: read(scope) for key, read in fields.items()}
    if isinstance(value, list):
        items = [template(item) for item in value]
        return lambda scope: [read(scope) for read in items]
    return lambda _: value


def expression(text: Any) -> Read:
    """A path or the call of an intrinsic function."""
    if isinstance(text, str) and text.startswith("States."):
        read, at = _argument(text, 0)
        if text[at:].strip():
            raise NotUnderstood(f"{text!r} goes on after the call")
        return read
    return path(text)


def _argument(text: str, at: int, form: bool = False) -> tuple[Read, int]:
    """The argument that begins at a position, and where it ends; `form` keeps the backslashes of a text."""
    if found := _FUNCTION.match(text, at):
        return _call(text, found.group(1), found.end())
    if found := _TEXT.match(text, at):
        literal = found.group(1) if form else re.sub(r"\\(.)", r"\1", found.group(1))
        return (lambda _: literal), found.end()
    if found := _PATH.match(text, at):
        return path(found.group()), found.end()
    if found := _WORD.match(text, at):
        value = json.loads(found.group())
        return (lambda _: value), found.end()
    raise NotUnderstood(f"{text[at:]!r} in {text!r} is not an argument")


def _call(text: str, name: str, at: int) -> tuple[Read, int]:
    if name not in INTRINSICS:
        raise NotUnderstood(f"the intrinsic function {name} is not one of {', '.join(INTRINSICS)}")
    arguments: list[Read] = []
    while (at := _after_spaces(text, at)) < len(text) and text[at] != ")":
        if arguments:
            if text[at] != ",":
                raise NotUnderstood(f"a comma is missing before {text[at:]!r} in {text!r}")
            at = _after_spaces(text, at + 1)
        read, at = _argument(text, at, form=name == "States.Format" and not arguments)
        arguments.append(read)
    if at >= len(text):
        raise NotUnderstood(f"the call {text!r} does not end")
    function = INTRINSICS[name]

    def call(scope: Scope) -> Any:
        values = [read(scope) for read in arguments]
        try:
            return function(*values)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise Failure(RUNTIME, f"The function '{text}' had the following error: {error}") from None

    return call, at + 1


def _after_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _format(form: str, *values: Any) -> str:
    """The text with each `{}` replaced; a backslash keeps a brace, a quote or a backslash as it is."""
    left = list(values)

    def put(found: re.Match[str]) -> str:
        if found.group() != "{}":
            return found.group()[1:]
        value = left.pop(0)
        return value if isinstance(value, str) else json_text(value).decode()

    text = re.sub(r"\\.|\{\}", put, form)
    if left:
        raise ValueError("there are more arguments than {}")
    return text


def _array_length(items: Any) -> int:
    return len(_list(items))


def _array_get_item(items: Any, index: Any) -> Any:
    return _list(items)[_whole(index)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not an array")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} is not a whole number from 0 on")
    return value


def _math_add(first: Any, second: Any) -> int:
    for value in (first, second):
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{value!r} is not a whole number")
    return int(first + second)


def _string_to_json(text: Any) -> Any:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not a string")
    return json.loads(text)


def _hash(value: Any, algorithm: str) -> str:
    name = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}[algorithm]
    data = value.encode() if isinstance(value, str) else json_text(value)
    return hashlib.new(name, data, usedforsecurity=False).hexdigest()


INTRINSICS: dict[str, Callable[..., Any]] = {
    "States.Array": lambda *values: list(values),
    "States.ArrayGetItem": _array_get_item,
    "States.ArrayLength": _array_length,
    "States.Format": _format,
    "States.Hash": _hash,
    "States.JsonToString": lambda value: json_text(value).decode(),
    "States.MathAdd": _math_add,
    "States.StringToJson": _string_to_json,
}
