"""All commands by name: the nearest one for a slip of the hand, and nothing imported that is not called."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields
from importlib import import_module
from importlib.metadata import packages_distributions
from importlib.util import find_spec

import pytest

from finetune.version import code_name
from finetune_cli import COMMANDS
from finetune_cli.parser import Finetune, command_of
from tests.command import EXAMPLE, finetune


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_options_work_and_help_with_an_example_and_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_spec(f"finetune_cli.{name}")
    assert finetune(name, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    options = import_module(f"finetune_cli.commands.{name}").Options
    for words in (options.__doc__, f"Exits with 0 when {options.YES}", f"Example: {options.EXAMPLE}", "--json"):
        assert " ".join(words.split()) in shown
    assert {each.name for each in command_of(name).params} == {each.name for each in fields(options)} | {"json", "help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_every_command_can_be_read(name: str) -> None:
    options = import_module(f"finetune_cli.commands.{name}").Options
    words = shlex.split(options.EXAMPLE.removeprefix('eval "$(').removesuffix(')"'))
    assert words[:2] == ["finetune", name]
    assert command_of(name).make_context(name, words[2:]).params


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("chek data.jsonl", "No such command 'chek'. Did you mean 'check'? See `finetune --help`."),
        ("xyz", "No such command 'xyz'. See `finetune --help`."),
        ("--verison", "No such option '--verison'. Did you mean '--version'? See `finetune --help`."),
        ("check --jsno data.jsonl", "No such option '--jsno'. Did you mean '--json'? See `finetune check --help`."),
        ("check x --method dpo", "'dpo' is not one of 'FINE_TUNING', 'CONTINUED_PRE_TRAINING'. See `finetune check"),
        ("check x --html", "Option '--html' requires an argument. See `finetune check --help`."),
        ("status a b", "Got unexpected extra argument (b). See `finetune status --help`."),
        ("sample --records many", "Invalid value for '--records': 'many' is not a valid integer. See"),
        ("completion", "Missing argument 'SHELL'. Choose from: bash, fish, powershell, zsh. See `finetune completion"),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_with_one_sentence_and_the_nearest(
    line: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(*line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert (err.count("\n"), err.startswith("finetune: ")) == (1, True)


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune() == 2
    listed = capsys.readouterr().err
    assert finetune("--help") == 0
    assert capsys.readouterr().out == listed
    assert all(f"\n  {name} " in listed for name in COMMANDS)


def test_the_version_names_the_release_and_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("--version") == 0
    assert capsys.readouterr().out == f"{code_name()}...\n"


LOADING = """
import json, os, sys
before = {*sys.modules}
from finetune_cli.main import main
lines, completed = json.loads(sys.argv[1])
for line in lines:
    main(line)
for name in completed:
    os.environ.update(_FINETUNE_COMPLETE="zsh_complete", COMP_WORDS=f"finetune {name} --", COMP_CWORD="2")
    main([])
print(*{*sys.modules} - before)
"""


def loaded(*lines: list[str], completed: Iterable[str] = ()) -> tuple[set[str], set[str]]:
    """Packages of others, and modules of ours, that one process loads for these lines and completions."""
    command = [sys.executable, "-c", LOADING, json.dumps([lines, [*completed]])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    found = done.stdout.splitlines()[-1].split()
    own = {"finetune", "finetune_cli", "local"}
    others = {name.partition(".")[0] for name in found} & packages_distributions().keys() - own
    return others, {name for name in found if name.partition(".")[0] in own}


def test_the_list_of_commands_waits_for_click_and_for_no_command() -> None:
    others, ours = loaded(["--help"])
    assert others == {"click"}
    assert not {"finetune.domain", "finetune_cli.commands"} & ours


def test_the_help_and_the_completion_of_every_command_wait_for_nothing_heavy() -> None:
    others, ours = loaded(*([name, "--help"] for name in COMMANDS), completed=COMMANDS)
    assert others == {"click", "orjson"}
    assert not {f"finetune_cli.{name}" for name in COMMANDS} & ours


def test_a_rejected_file_is_checked_without_the_slow_imports() -> None:
    others, ours = loaded(["check", str(EXAMPLE / "broken.jsonl")])
    assert others == {"click", "orjson"}
    assert "finetune.settings" not in ours


def test_commands_are_listed_in_the_order_of_the_alphabet() -> None:
    assert list(Finetune().commands) == sorted(COMMANDS) == list(COMMANDS)
