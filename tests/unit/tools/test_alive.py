"""A command that takes long is quiet, says that it goes on, and shows what it printed only when it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools import alive
from tools.project import ROOT

ENDS_WHEN_TOLD = """
import os, sys, time
print("much that nobody reads")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
"""
FAILS = "print('\\n'.join(f'line {number}' for number in range(100))); raise SystemExit(3)"


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_a_command_that_goes_on_is_told_of_until_it_ends_and_its_output_is_not(tmp_path: Path) -> None:
    end, told = tmp_path / "end", list[str]()

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 4:
            end.touch()

    assert alive.run("Installing", python(ENDS_WHEN_TOLD, str(end)), tell=tell, every_seconds=0.02) == 0
    assert told[0] == "Installing"
    assert len(told) >= 4
    assert all(line.startswith("  still running after ") and line.endswith(" s") for line in told[1:])


def test_a_command_that_fails_shows_the_end_of_what_it_printed() -> None:
    told = list[str]()
    assert alive.run("Installing", python(FAILS), tell=told.append) == 3
    assert told == ["Installing", *(f"  line {number}" for number in range(88, 100))]


def test_as_a_program_it_has_the_commands_exit_code() -> None:
    asked = [sys.executable, "-m", "tools.alive", "Installing", *python(FAILS)]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert (ran.returncode, ran.stdout.splitlines()[-1], ran.stderr) == (3, "  line 99", "")


def test_a_command_that_does_not_exist_is_one_sentence() -> None:
    asked = [sys.executable, "-m", "tools.alive", "Installing", "no-such-command"]
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert (ran.returncode, ran.stderr) == (1, "no-such-command cannot be run: No such file or directory.\n")
