"""Read settings.yaml: the settings, or one clear sentence for whatever else it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError

from finetune.domain.catalog import base_models
from finetune.domain.cost import dollars, listed_for, lowered
from finetune.errors import SettingsInvalid
from finetune.settings import Settings


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win in silence; a settings file must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                line = node.value[index][0].start_mark.line + 1
                raise yaml.constructor.ConstructorError(problem=f"line {line}: the key {key!r} appears twice")
        return super().construct_mapping(node, deep)


def parse_settings(data: bytes, *, source: str) -> Settings:
    """Settings from the bytes of a YAML file; SettingsInvalid names the file, the key and what it must be."""
    try:
        content = yaml.load(data.decode("utf-8-sig"), Loader=_UniqueKeyLoader)  # noqa: S506 - a safe loader
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{source}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "it nests too deeply or holds an invalid value"
        raise SettingsInvalid(f"{source}: {where}{problem}; the file must be YAML with one key per setting.") from None
    if content is not None and not isinstance(content, dict):
        raise SettingsInvalid(f"{source}: the file must be a mapping of settings, such as 'method: FINE_TUNING'.")
    try:
        settings = Settings.model_validate(content or {})
    except ValidationError as error:
        raise SettingsInvalid(f"{source}: {'; '.join(_sentence(detail) for detail in error.errors()[:5])}.") from None
    if wrong := list(_lowered(settings)):
        raise SettingsInvalid(f"{source}: {'; '.join(wrong)}.")
    return settings


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


def _sentence(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a setting; remove it or correct its spelling"
    return f"{key}: {detail['msg'].removeprefix('Value error, ')}"
