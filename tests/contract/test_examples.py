"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import finetune
import finetune_cli
import local

FOLDERS = {package.__name__: Path(folder) for package in (finetune, finetune_cli, local) for folder in package.__path__}
EXAMPLES = {
    ".".join((name, *path.relative_to(folder).with_suffix("").parts)): count
    for name, folder in FOLDERS.items()
    for path in sorted(folder.rglob("*.py"))
    if (count := path.read_text().count(">>> "))
}


@pytest.mark.parametrize(("module", "count"), EXAMPLES.items())
def test_every_example_of_a_module_gives_what_it_says(module: str, count: int) -> None:
    assert doctest.testmod(importlib.import_module(module)) == (0, count)


def test_examples_are_found_in_the_layer_and_in_the_command_line() -> None:
    assert {module.partition(".")[0] for module in EXAMPLES} >= {"finetune", "finetune_cli"}
