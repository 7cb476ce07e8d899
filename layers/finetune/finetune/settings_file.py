"""Read settings.yaml: the settings, or one clear sentence for whatever else it says."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from finetune.domain.catalog import base_models
from finetune.domain.cost import dollars, listed_for, lowered
from finetune.errors import SettingsInvalid
from finetune.foreign import foreign
from finetune.settings import Settings

# A hundred times what the longest settings take.
SETTINGS_BYTES = 64 * 1024
NUMBER_CHARACTERS = 40
# Settings nest three deep; PyYAML's time grows with the square of the brackets that are open.
NESTED_BRACKETS = 20
_MERGE = "tag:yaml.org,2002:merge"
JUDGE_FOR_EXAMPLE = "amazon.nova-pro-v1:0"
_MODEL_ID = re.compile(r"(?!arn:)[A-Za-z0-9][A-Za-z0-9._:-]{0,139}")


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win in silence; a settings file must not."""

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803 - PyYAML's name
        if self.flow_level >= NESTED_BRACKETS:
            problem = f"brackets are nested more than {NESTED_BRACKETS} deep"
            raise yaml.scanner.ScannerError(problem=problem, problem_mark=self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[Any]()
        for written, _ in node.value:
            if written.tag == _MERGE:
                raise _refusal(written, "merge keys (<<) are not supported; write the keys out")
            key = self.construct_object(written, deep=deep)
            if not isinstance(key, Hashable):
                raise _refusal(written, "a key must be a word or a number")
            if key in seen:
                raise _refusal(written, f"the key {foreign(key)!r} appears twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _refusal(node: yaml.Node, problem: str) -> yaml.YAMLError:
    line = node.start_mark.line + 1
    return yaml.constructor.ConstructorError(problem=f"line {line}: {problem}")


def _resolve_as_yaml_1_2() -> None:
    """YAML 1.1 takes yes for true, 010 for 8 and 1:30 for 90; in a file about money these are mistakes."""
    tags = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float")}
    _UniqueKeyLoader.yaml_implicit_resolvers = {
        first: [each for each in known if each[0] not in tags]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for name, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ):
        _UniqueKeyLoader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), list(first))
    _UniqueKeyLoader.add_constructor("tag:yaml.org,2002:int", _number)
    _UniqueKeyLoader.add_constructor("tag:yaml.org,2002:float", _number)


def _number(loader: Any, node: Any) -> float:
    """A number as YAML 1.2 writes it, whatever tag stands before it."""
    written = loader.construct_scalar(node)
    if len(written) > NUMBER_CHARACTERS:
        raise _refusal(node, f"a number has at most {NUMBER_CHARACTERS} characters")
    return (
        int(written)
        if node.tag.endswith(":int")
        else float(written.lower().replace(".inf", "inf").replace(".nan", "nan"))
    )


_resolve_as_yaml_1_2()


def parse_settings(data: bytes, *, source: str) -> Settings:
    """Settings from the bytes of a YAML file; SettingsInvalid names the file, the key and what it must be."""
    source = foreign(source)
    if len(data) > SETTINGS_BYTES:
        raise SettingsInvalid(
            f"{source}: the file is longer than {SETTINGS_BYTES >> 10} KB; settings take a few lines."
        )
    try:
        content = yaml.load(data.decode("utf-8-sig"), Loader=_UniqueKeyLoader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{source}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "it nests too deeply or holds an invalid value"
        raise SettingsInvalid(
            f"{source}: {where}{foreign(problem)}; the file must be YAML with one key per setting."
        ) from None
    if content is not None and not isinstance(content, dict):
        raise SettingsInvalid(f"{source}: the file must be a mapping of settings, such as 'method: FINE_TUNING'.")
    try:
        settings = Settings.model_validate(content or {})
    except ValidationError as error:
        raise SettingsInvalid(f"{source}: {'; '.join(_sentence(detail) for detail in error.errors()[:5])}.") from None
    if wrong := [*_untrue(content or {}, Settings), *_lowered(settings), *_no_id(settings.judge.model)]:
        raise SettingsInvalid(f"{source}: {'; '.join(wrong)}.")
    return settings


def _untrue(content: dict[str, Any], model: type[BaseModel], place: str = "") -> Iterator[str]:
    """What says true or false where a number or a word belongs; pydantic takes true for 1."""
    for name, value in content.items():
        wanted = model.model_fields[name].annotation
        if isinstance(value, dict) and isinstance(wanted, type) and issubclass(wanted, BaseModel):
            yield from _untrue(value, wanted, f"{place}{name}.")
        elif isinstance(value, bool) and wanted is not bool:
            yield f"{place}{name}: {str(value).lower()} is not a number"


def _lowered(settings: Settings) -> Iterator[str]:
    """What is wrong with prices below the catalog's; a base model that it does not have is refused elsewhere."""
    row = base_models().get(settings.base_model)
    for place, own, listed in (
        ("prices", settings.prices, row and row.prices),
        ("judge.prices", settings.judge.prices, listed_for(settings.judge.model)),
    ):
        for name, usd, known in lowered(own, listed) if listed else ():
            yield (
                f"{place}.{name} is {dollars(usd)}, less than the catalog's {dollars(known)}; "
                "a known price can be raised and not lowered"
            )


def _no_id(judge: str | None) -> Iterator[str]:
    """What is wrong with a judge that is not named by its id; an ARN could be that of another project's endpoint."""
    if judge is not None and not _MODEL_ID.fullmatch(judge):
        yield f"judge.model: it must be the id of a model for Converse, such as {JUDGE_FOR_EXAMPLE}, and no ARN"


def _sentence(detail: Any) -> str:
    key = foreign(".".join(str(part) for part in detail["loc"])) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a setting; remove it or correct its spelling"
    if detail["type"] not in _MUST_BE:
        return f"{key}: {foreign(detail['msg'].removeprefix('Value error, '))}"
    return f"{key}: {_spoken(detail['input'])} must be {_MUST_BE[detail['type']].format(**detail.get('ctx', {}))}"


def _spoken(value: Any) -> str:
    """A value as a person knows it from the file; what has parts is only called by its kind."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return foreign(repr(value) if isinstance(value, str) else value)


# What pydantic's kinds of errors mean.
_MUST_BE = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), "a mapping of settings"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    "string_type": "a text",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "greater_than": "greater than {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "less_than": "less than {lt:,}",
    "less_than_equal": "at most {le:,}",
}
