"""Every regular expression of the product, found in its source, and texts on which a backtracking one takes long.

A pattern is what is handed to a function of `re`. It is computed from the module that holds it; one that follows from
what is known only when it is used has an example here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from re import _constants as opcodes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from finetune import settings_file
from finetune.domain.evaluation import metrics, reading
from tools.project import ROOT

# Folders of what runs on foreign text, by where their modules are imported from.
_HOUSES = {"layers/finetune": "finetune", ".": "finetune_cli", "functions": ""}
_ASKING = {"search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}
# Anywhere in the text, or only at its beginning; both are tried where the use is not seen.
_ANYWHERE = _ASKING - {"match", "fullmatch"}
# What a pattern needs that only its caller knows, by module and function: the compiled patterns of a hostile example.
_EXAMPLES: Mapping[tuple[str, str], Iterable[re.Pattern[str]]] = {
    ("finetune.domain.evaluation.metrics", "_keyword"): [
        metrics._keyword(word) for word in ("a", "aa aa", "a b a b a b", "a" * 200, "+", "a a a a a a a a b")
    ],
    ("finetune.domain.evaluation.reading", "_phrase"): [
        reading._phrase(*phrases)
        for phrases in (("a",), ("aa aa", "aa"), ("a" * 200,), ("+",), tuple(f"l{number}" for number in range(25)))
    ],
    ("finetune.settings_file", "_resolve_as_yaml_1_2"): [
        pattern for known in settings_file._UniqueKeyLoader.yaml_implicit_resolvers.values() for _, pattern in known
    ],
}


@dataclass(frozen=True)
class Found:
    """A compiled pattern, where it stands, and whether it is looked for anywhere in a text."""

    place: str
    pattern: re.Pattern[Any]
    anywhere: bool

    def __str__(self) -> str:
        return f"{self.place} {self.pattern.pattern!r:.60}"


def patterns() -> list[Found]:
    """All of them; a ValueError names one that cannot be computed and has no example."""
    found = (each for folder, package in _HOUSES.items() for each in _in_folder(folder, package))
    return list({(each.pattern, each.anywhere): each for each in found}.values())


def _in_folder(folder: str, package: str) -> Iterator[Found]:
    for path in sorted((ROOT / folder / package).rglob("*.py")):
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.Name) and node.id == "re" for node in ast.walk(tree)):
            name = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            yield from _in_module(name, path, tree)


def _in_module(name: str, path: Path, tree: ast.Module) -> Iterator[Found]:
    known = vars(import_module(name))
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _ASKING:
            uses.setdefault(node.value.id, set()).add(node.attr)
    for call, function, target in _calls(tree):
        place = f"{name}:{call.lineno}"
        used = {call.func.attr} if isinstance(call.func, ast.Attribute) else set()
        methods = uses.get(target, _ASKING) if used == {"compile"} else used
        try:
            pattern = _computed(call if used == {"compile"} else call.args[0], path, known)
        except NameError:
            if (name, function) not in _EXAMPLES:
                raise ValueError(f"{place}: a pattern that is known only when it is used needs an example.") from None
            yield from (Found(place, each, anywhere=True) for each in _EXAMPLES[name, function])
            continue
        yield Found(place, re.compile(pattern), bool(methods & _ANYWHERE))


def _computed(expression: ast.expr, path: Path, known: Mapping[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression), str(path), "eval"), dict(known))  # noqa: S307 - our own source


def _calls(tree: ast.AST, function: str = "") -> Iterator[tuple[ast.Call, str, str]]:
    """Calls of `re` with the function that they stand in and the name that the result gets."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        target = ""
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            target = node.targets[0].id
            if _of_re(node.value):
                yield node.value, inside, target
                continue
        if isinstance(node, ast.Call) and _of_re(node):
            yield node, inside, ""
        yield from _calls(node, inside)


def _of_re(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
        and call.func.attr in {"compile", *_ASKING}
    )


# Between what is repeated: nothing, what parts words, and what often ends a search.
_JOINTS = ("", " ", "-", ".", "\x00")
# What is hostile to patterns in general.
_FAMILIAR = (
    *("a", "A", "0", "aA0", "é", "例", " ", "\n", "\t", "\x00", "\u202e", "a ", "a-", "a.", "- ", "-0", "0 "),
    *('"', "\\", '"\\', "'", "[", "]", "[[", "]]", "{", "<", "~", "=", ":", "/", "@", "a@", "a@a", "a@a.", "a@a.aa."),
    *("```", "```json\n", "s3://", "s3://a/", "arn:", ":custom-model/", "password:", "password: a", "Password="),
    *("eyJ", "eyJaaaaaaaaaa-", "-eyJ", "sk-", "xoxa-", "ghp_", "AKIA", "-----BEGIN ", "AA00", "DE00 AAAA ", "+0"),
    *("(000) ", "000-", "1.", "1e", "+1", "the ", "the", "i'm sorry", "as an ai ", "label: ", "label"),
)


def hostile(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Short texts which, repeated, make a backtracking pattern begin often, go on for long and fail late.

    Each with what stands once before it: nothing, or for what a pattern repeats all that it takes before.
    """
    pieces = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE).data
    parts = [_sample(piece) for piece in pieces]
    behind = {
        ("".join(parts[:place]), parts[place])
        for place, (kind, _) in enumerate(pieces)
        if place and kind in _REPEATS and parts[place]
    }
    starts = {"".join(parts[:end]) for end in range(1, len(parts) + 1, len(parts) // 12 + 1)} | {
        part for part in parts if part
    }
    made = {f"{start}{joint}" for start, joint in product(starts, _JOINTS)}
    alone = sorted({*made, *_FAMILIAR} - {""}, key=lambda text: (len(text), text))
    return [*(("", text) for text in alone), *sorted(behind)]


def _sample(piece: tuple[Any, Any]) -> str:
    """A short text that a part of a pattern takes."""
    kind, value = piece
    return _SAMPLES.get(kind, lambda _: "")(value)


def _each(pieces: Any) -> str:
    return "".join(map(_sample, pieces))


def _repeated(value: Any) -> str:
    least, most, inner = value
    return _each(inner) * (least or min(1, int(most)))


def _one_of(choices: Any) -> str:
    negated = choices[0][0] is opcodes.NEGATE
    characters = "aA0 -_./+@\n=[{例\x01" + "".join(chr(value) for kind, value in choices if kind is opcodes.LITERAL)
    characters += "".join(chr(value[0]) for kind, value in choices if kind is opcodes.RANGE)
    asked = re.compile("[" + ("^" if negated else "") + "".join(map(_spelled, choices)) + "]")
    return next((each for each in characters if asked.fullmatch(each)), "")


_REPEATS = (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT)
_CATEGORIES = {
    opcodes.CATEGORY_DIGIT: r"\d", opcodes.CATEGORY_NOT_DIGIT: r"\D", opcodes.CATEGORY_SPACE: r"\s",
    opcodes.CATEGORY_NOT_SPACE: r"\S", opcodes.CATEGORY_WORD: r"\w", opcodes.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _spelled(choice: tuple[Any, Any]) -> str:
    match choice:
        case (opcodes.LITERAL, code):
            return re.escape(chr(code))
        case (opcodes.RANGE, (first, last)):
            return f"{re.escape(chr(first))}-{re.escape(chr(last))}"
        case (opcodes.CATEGORY, category):
            return _CATEGORIES[category]
        case _:
            return ""


_SAMPLES: Mapping[Any, Callable[[Any], str]] = {
    opcodes.LITERAL: chr,
    opcodes.NOT_LITERAL: lambda code: "b" if code == ord("a") else "a",
    opcodes.ANY: lambda _: "a",
    opcodes.IN: _one_of,
    **dict.fromkeys(_REPEATS, _repeated),
    opcodes.SUBPATTERN: lambda value: _each(value[-1]),
    opcodes.ATOMIC_GROUP: _each,
    opcodes.BRANCH: lambda value: max(map(_each, value[1]), key=len),
}
