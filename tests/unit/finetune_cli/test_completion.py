"""`finetune completion`: a shell that runs the script completes commands, options, their values and file names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_cli import COMMANDS
from finetune_cli.commands.completion import SHELLS
from finetune_cli.parser import COMPLETION
from tests.command import answered, finetune
from tools.project import ROOT


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_asks_this_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("completion", shell) == 0
    script = capsys.readouterr().out
    assert f"{COMPLETION}=" in script or f"$env:{COMPLETION} =" in script
    assert finetune("completion", shell, "--json") == 0
    assert answered(capsys) == {"shell": shell, "script": script.removesuffix("\n")}


def asked(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    """What a shell is told when somebody asks how a line goes on."""
    words = line.split(" ")
    monkeypatch.setenv(COMPLETION, f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    return finetune(), capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_told_the_commands(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = asked(shell, "finetune che", monkeypatch, capsys)
    assert code == 0
    assert "check" in " ".join(told)
    assert not (COMMANDS.keys() - {"check"}) & set(" ".join(told).replace(",", " ").split())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("finetune ", [f"plain,{name}" for name in sorted(COMMANDS)]),
        ("finetune check --ba", ["plain,--base-model"]),
        ("finetune check --method FINE", ["plain,FINE_TUNING"]),
        ("finetune check --media ", ["dir,"]),
        ("finetune check --settings set", ["file,set"]),
        ("finetune check data.j", ["file,data.j"]),
        ("finetune sample --format text", ["plain,text_input"]),
        ("finetune completion po", ["plain,powershell"]),
        ("finetune --ver", ["plain,--version"]),
        ("finetune nonsense --x", []),
    ],
)
def test_a_line_goes_on_with_what_the_command_takes(
    line: str, told: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [each for each in asked("bash", line, monkeypatch, capsys)[1] if each] == told


def test_bash_completes_by_the_script(tmp_path: Path) -> None:
    (tmp_path / "finetune").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m finetune_cli.main "$@"\n')
    (tmp_path / "finetune").chmod(0o755)
    script = """
        eval "$(finetune completion bash)"
        complete -p finetune
        COMP_WORDS=(finetune roll) COMP_CWORD=1; _finetune_completion finetune
        COMP_WORDS=(finetune sample --se) COMP_CWORD=2; _finetune_completion finetune
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/bash", "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True)  # noqa: S603, PLW1510 - fixed words, looked at below
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "complete -o nosort -F _finetune_completion finetune\nrollback --seed\n"
