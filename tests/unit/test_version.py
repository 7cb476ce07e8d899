"""The code has one version, which stands for one content."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import finetune
from finetune.version import code_version


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package as the layer holds it: compiled, and somewhere else."""
    copy = tmp_path / "opt" / "finetune"
    shutil.copytree(Path(finetune.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "errors.cpython-313.pyc").write_bytes(b"compiled")
    return copy


def test_the_code_has_one_version_wherever_it_is_installed(package: Path) -> None:
    assert code_version(package) == code_version()


def test_any_change_of_the_code_is_another_version(package: Path) -> None:
    page = package / "domain" / "report" / "page.css"
    page.write_text(page.read_text() + "\n")
    changed = code_version(package)
    assert changed != code_version()
    page.rename(page.with_name("other.css"))
    assert code_version.__wrapped__(package) not in {changed, code_version()}


def test_a_layer_knows_its_code_and_no_release(package: Path) -> None:
    code = "import sys; sys.path.append(sys.argv[1]); from finetune.version import code_name; print(code_name())"
    command = [sys.executable, "-ISc", code, str(package.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    assert done.stdout == f"finetune, sha256 {code_version()}\n"
