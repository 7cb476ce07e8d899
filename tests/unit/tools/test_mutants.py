"""A defect is put into a copy, its tests are run there, and the original is never touched."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tools.mutants import CannotTry, Copy, Mutant, read
from tools.project import ROOT

SOUND = """class One:
    def first(
        self,
    ) -> int:
        return 1

    def second(self) -> int:
        return 1


def third() -> int:
    return 1
"""
DEFECT = Mutant(
    "one is two", "layers/finetune/product.py", "return 1", "return 2", ("tests/test_product.py",), "def third"
)
TESTS = """import product

def test_third():
    assert product.third() == 1
"""


@pytest.mark.parametrize(("within", "line"), [("def first(", 5), ("def second(", 8), ("def third(", 12)])
def test_a_defect_changes_its_block_and_nothing_else(within: str, line: int) -> None:
    changed = replace(DEFECT, within=within).applied(SOUND).splitlines()
    assert [number for number, each in enumerate(changed, 1) if "return 2" in each] == [line]
    assert len(changed) == len(SOUND.splitlines())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"within": ""}, "has 3 times: 'return 1'"),
        ({"within": "class One"}, "has 2 times: 'return 1'"),
        ({"old": "return 7"}, "has 0 times: 'return 7'"),
        ({"within": "def "}, "has 3 lines that begin with: def "),
        ({"within": "def fourth"}, "has 0 lines that begin with: def fourth"),
        ({"new": "return 1"}, "return 1"),
    ],
)
def test_a_row_whose_text_is_not_there_exactly_once_is_told_of(change: dict[str, str], words: str) -> None:
    with pytest.raises(CannotTry) as refused:
        replace(DEFECT, **change).applied(SOUND)  # type: ignore[arg-type]  # fields of text
    assert str(refused.value).startswith(f"{DEFECT.name}: ")
    assert words in str(refused.value)


def test_a_row_has_the_tests_of_its_file_or_its_own(tmp_path: Path) -> None:
    table = tmp_path / "mutants.yaml"
    table.write_text("""
a.py:
  tests: [tests/test_a.py]
  defects:
    - {name: first, old: a, new: b}
    - {name: second, old: a, new: c, within: def, tests: [tests/test_b.py]}
""")
    assert read(table) == [
        Mutant("first", "a.py", "a", "b", ("tests/test_a.py",)),
        Mutant("second", "a.py", "a", "c", ("tests/test_b.py",), "def"),
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one module that is tested in part, and a file that git does not track."""
    root = tmp_path / "project"
    files = {
        DEFECT.file: SOUND,
        "tests/test_product.py": TESTS,
        "tests/test_broken.py": "import nothing_of_that_name\n",
        "pytest.ini": "[pytest]\n",
        "untracked.txt": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for words in (["init", "--quiet"], ["add", "layers", "tests", "pytest.ini"]):
        subprocess.run(["git", *words], cwd=root, check=True)  # noqa: S603, S607  # git
    return root


def copied(project: Path, tmp_path: Path) -> Copy:
    folder = tmp_path / "copy"
    folder.mkdir()
    return Copy(project, folder)


def test_a_defect_is_killed_by_a_test_that_fails_and_survives_others(project: Path, tmp_path: Path) -> None:
    copy = copied(project, tmp_path)
    assert not (tmp_path / "copy/untracked.txt").exists()
    assert copy.test(DEFECT.tests)[0] == "survived"
    for within, result in (("def third", "killed"), ("def second", "survived")):
        with copy.with_defect(replace(DEFECT, within=within)):
            assert copy.test(DEFECT.tests)[0] == result
    assert copy.test(DEFECT.tests)[0] == "survived"
    assert (project / DEFECT.file).read_text() == SOUND


def test_tests_that_cannot_run_have_not_noticed_anything(project: Path, tmp_path: Path) -> None:
    copy = copied(project, tmp_path)
    for tests in (["tests/test_broken.py"], ["tests/test_of_nothing.py"]):
        with pytest.raises(CannotTry, match=rf"The tests {tests[0]} do not run"):
            copy.test(tests)


def test_what_is_imported_from_outside_the_copy_is_found(project: Path, tmp_path: Path) -> None:
    (project / "layers/finetune/own").mkdir()
    (project / "layers/finetune/own/__init__.py").touch()
    subprocess.run(["git", "add", "layers"], cwd=project, check=True)  # noqa: S607  # git
    copy = copied(project, tmp_path)
    assert copy.foreign(["own"]) == []
    [outside] = copy.foreign(["own", "email"])
    assert outside.endswith("email")


def test_of_the_project_itself_a_copy_imports_everything_from_itself(tmp_path: Path) -> None:
    assert Copy(ROOT, tmp_path.resolve()).foreign() == []
