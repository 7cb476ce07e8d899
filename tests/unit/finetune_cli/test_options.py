"""How a command says what it is called with: once, as the fields of a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from finetune_cli.options import CommandOptions, Count, File, Folder, argument, option


@dataclass(frozen=True, kw_only=True)
class Shop(CommandOptions):
    """Buy things."""

    things: tuple[Path, ...] = argument(File(), nargs=-1)
    how_many: int | None = option(Count())
    source: Path | None = option(Folder(), "--from")
    quick: bool = option(is_flag=True)


def bought(*words: str) -> Shop:
    given: list[dict[str, Any]] = []
    command = click.Command("shop", params=Shop.parameters(), callback=lambda **words: given.append(words))
    command.main([*words], standalone_mode=False)
    return Shop(**given[0])


def test_a_field_is_an_argument_or_an_option_of_its_name_or_of_another() -> None:
    assert bought() == Shop(things=(), how_many=None, source=None, quick=False)
    assert bought("a", "b", "--how-many", "3", "--from", "c", "--quick") == Shop(
        things=(Path("a"), Path("b")), how_many=3, source=Path("c"), quick=True
    )


@pytest.mark.parametrize("number", ["1", "20", "1000000000"])
def test_a_count_is_a_whole_number(number: str) -> None:
    assert bought("--how-many", number).how_many == int(number)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "1e3", "", "1000000001", "9" * 5_000])
def test_a_count_is_nothing_else(number: str) -> None:
    with pytest.raises(click.BadParameter, match="must be a whole number from 1 to 1,000,000,000"):
        bought("--how-many", number)


def test_a_path_may_hold_any_bytes() -> None:
    assert bought("\udcff", "a\0b").things == (Path("\udcff"), Path("a\0b"))
