"""`python -m tools.mutants`: put one defect after another into a copy of the project and say which no test notices.

The defects are the rows of tests/mutants.yaml. A row names its text and the text in its place, and has the tests of its
file or tests of its own. Each has to fail one of them. The exit code is 1 if fewer than 95 % do.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Literal

import yaml

from tools.project import ROOT

TABLE = ROOT / "tests/mutants.yaml"
WANTED = 0.95
# A test that does not end because of a defect has noticed it.
TEST_SECONDS = 300
# Where the copy is imported from, before anything that is installed.
IMPORTED = ("layers/finetune", ".")
PACKAGES = ("finetune", "finetune_cli", "local", "tools", "tests")

Result = Literal["killed", "survived"]


class CannotTry(Exception):
    """A row that is not a defect, or a copy that cannot be tested."""


@dataclass(frozen=True)
class Mutant:
    """A defect: in `file`, within the block that begins with `within` if that is given, `old` is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    within: str = ""

    def applied(self, text: str) -> str:
        """The file's text with the defect; CannotTry if the old text is not there exactly once."""
        before, block, after = _cut(self, text)
        if block.count(self.old) != 1 or self.old == self.new:
            raise CannotTry(f"{self.name}: {self.file} has {block.count(self.old)} times: {self.old!r}")
        return before + block.replace(self.old, self.new) + after


def _cut(mutant: Mutant, text: str) -> tuple[str, str, str]:
    """A text before, in and after a mutant's block, which is a line and all that is indented below it."""
    lines = text.splitlines(keepends=True)
    if not mutant.within:
        return "", text, ""
    begins = [number for number, line in enumerate(lines) if line.strip().startswith(mutant.within)]
    if len(begins) != 1:
        raise CannotTry(f"{mutant.name}: {mutant.file} has {len(begins)} lines that begin with: {mutant.within}")
    first, depth = begins[0], _depth(lines[begins[0]])
    below = takewhile(lambda line: not line.strip() or _depth(line) > depth, lines[first + 1 :])
    end = first + 1 + len(list(below))
    return "".join(lines[:first]), "".join(lines[first:end]), "".join(lines[end:])


def _depth(line: str) -> int:
    # A signature of several lines ends as far out as it began.
    return len(line) - len(line.lstrip()) + line.lstrip().startswith(")")


def read(path: Path = TABLE) -> list[Mutant]:
    """Every row of the table; a row without tests of its own has those of its file."""
    content: Mapping[str, Any] = yaml.safe_load(path.read_text())
    return [
        Mutant(**{"file": file, **row, "tests": tuple(row.get("tests", given["tests"]))})
        for file, given in content.items()
        for row in given["defects"]
    ]


class Copy:
    """A copy of the files that git tracks, in which tests see the copy and nothing of the original."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder, self._changes = root, folder, count(1)
        names = subprocess.run(
            ["git", "ls-files", "-z"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, names.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(self._folder / each) for each in IMPORTED)
        # What is compiled once need not be compiled for each defect.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(  # noqa: S603  # this Python
            [sys.executable, *words],
            cwd=self._folder,
            env={**inherited, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    def foreign(self, packages: Iterable[str] = PACKAGES) -> list[str]:
        """The files of packages that the copy's Python imports from somewhere else."""
        code = "import importlib, sys\nfor name in sys.argv[1:]: print(*importlib.import_module(name).__path__)"
        found = self.run("-c", code, *packages)
        if found.returncode:
            raise CannotTry(found.stderr)
        return [path for path in found.stdout.splitlines() if not Path(path).is_relative_to(self._folder)]

    def test(self, tests: Sequence[str]) -> tuple[Result, str]:
        """Whether one of the tests fails, and what pytest said; CannotTry if they cannot run."""
        options = (
            "-x",
            "-q",
            "--no-header",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-o",
            f"timeout={TEST_SECONDS}",
        )
        ran = self.run("-m", "pytest", *options, *tests)
        if ran.returncode not in {0, 1}:
            raise CannotTry(f"The tests {' '.join(tests)} do not run:\n{ran.stdout}{ran.stderr}")
        return ("killed" if ran.returncode else "survived"), ran.stdout

    @contextmanager
    def with_defect(self, mutant: Mutant) -> Iterator[None]:
        path = self._folder / mutant.file
        sound = path.read_text()
        try:
            self._write(path, mutant.applied(sound))
            yield
        finally:
            self._write(path, sound)

    def _write(self, path: Path, text: str) -> None:
        """Write with a time of its own, by which Python knows that what it compiled is of another text."""
        path.write_text(text)
        second = int(time.time()) + next(self._changes)
        os.utime(path, (second, second))


def try_all(copy: Copy, mutants: Sequence[Mutant]) -> list[tuple[Mutant, str]]:
    """Try each defect, print what came of it, and return those that no test noticed with what pytest said."""
    if foreign := copy.foreign():
        raise CannotTry(f"The copy is not what is imported, but {', '.join(foreign)}.")
    sound, said = copy.test(sorted({test for mutant in mutants for test in mutant.tests}))
    if sound == "killed":
        raise CannotTry(f"A test fails without any defect:\n{said}")
    survivors = []
    for mutant in mutants:
        begun = time.monotonic()
        with copy.with_defect(mutant):
            result, said = copy.test(mutant.tests)
        by = next(
            (line.partition(" ")[2].partition(" - ")[0] for line in said.splitlines() if line[:6] == "FAILED"), ""
        )
        print(f"{result:8} {time.monotonic() - begun:4.0f} s  {mutant.file}: {mutant.name}  {by}".rstrip(), flush=True)
        if result == "survived":
            survivors.append((mutant, said))
    return survivors


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--only", action="append", default=[], help="try only defects whose name or file has this text")
    parser.add_argument("--list", action="store_true", help="list the defects and try none")
    given = parser.parse_args()
    mutants = [
        each for each in read() if not given.only or any(text in f"{each.file}: {each.name}" for text in given.only)
    ]
    if not mutants:
        parser.error(f"no defect has {' or '.join(given.only)} in its name or file; --list shows them all")
    if given.list:
        print(*(f"{each.file}: {each.name}" for each in mutants), sep="\n")
        return 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        survivors = try_all(Copy(ROOT, Path(folder).resolve()), mutants)
    killed = len(mutants) - len(survivors)
    print(f"{killed} of {len(mutants)} killed ({killed / len(mutants):.0%}) in {time.monotonic() - begun:.0f} s")
    return 0 if killed / len(mutants) >= WANTED else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotTry as problem:
        sys.exit(str(problem))
