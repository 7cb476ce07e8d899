"""The distribution: built from its own source, installed where nothing else is, and run there without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from finetune.version import code_version
from finetune_cli import COMMANDS
from tests.command import EXAMPLE
from tools.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def built(source: Path, what: str) -> Path:
    """What the build backend makes of a folder with a pyproject.toml."""
    build = f"from setuptools import build_meta; print(build_meta.build_{what}('dist'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return source / "dist" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the source distribution of a copy of this checkout."""
    copy, unpacked = tmp_path_factory.mktemp("built") / "copy", tmp_path_factory.mktemp("unpacked")
    copytree(ROOT, copy, ignore=ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "out"))
    with tarfile.open(built(copy, "sdist")) as archive:
        archive.extractall(unpacked, filter="data")
    [source] = unpacked.iterdir()
    return built(source, "wheel")


def link_needed(requirements: Iterable[str], site: Path, extra: str) -> None:
    """Let an environment see what is required, and what that requires, but nothing else that is installed here."""
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        found = distribution(requirement.name)
        assert requirement.specifier.contains(found.version), requirement
        for name in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(str(found.locate_file(name)))
        link_needed(found.requires or [], site, "")


@pytest.fixture(scope="module", params=["", "aws"])
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """An environment with the wheel and what it requires, with and without its extra."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    subprocess.run([*pip, "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)  # noqa: S603 - ours
    [record] = home.glob("lib/*/site-packages/bedrock_finetune-*.dist-info")
    link_needed(Distribution.at(record).requires or [], record.parent, request.param)
    return home / "bin" / "finetune", request.param


def run(command: tuple[Path, str], folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """One call from an empty folder, with nothing of this checkout and of this machine's AWS in sight."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return subprocess.run(  # noqa: S603 - our own command
        [str(command[0]), *map(str, arguments)],
        cwd=folder,
        env={**inherited, "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_package_and_the_command_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    name = PROJECT["name"].replace("-", "_")
    assert tops == {"finetune", "finetune_cli", f"{name}-{PROJECT['version']}.dist-info"}


def test_the_layer_has_no_command_line() -> None:
    locked = (ROOT / "layers/finetune/requirements.txt").read_text()
    names = {line.partition("==")[0] for line in locked.splitlines()}
    assert ("click" in names, {"orjson", "pydantic"} <= names) == (False, True)


def test_it_is_the_code_of_the_checkout_to_the_last_file(installed: tuple[Path, str], tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--version")
    assert (done.stdout, done.stderr) == (f"finetune {PROJECT['version']}, sha256 {code_version()}...\n", "")


def test_every_command_has_its_help(installed: tuple[Path, str], tmp_path: Path) -> None:
    for line in ([], *([name] for name in COMMANDS)):
        done = run(installed, tmp_path, *line, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(" ".join(["Usage: finetune", *line]))


def test_the_example_is_checked_with_everything_beside_it(installed: tuple[Path, str], tmp_path: Path) -> None:
    beside = ("--settings", EXAMPLE / "settings.yaml", "--evaluation", EXAMPLE / "evaluation.jsonl")
    done = run(installed, tmp_path, "check", EXAMPLE / "dataset.jsonl", *beside, "--html", "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Accepted: " in done.stdout
    assert "</html>" in (tmp_path / "page.html").read_text()


def test_a_dataset_is_written_and_prepared(installed: tuple[Path, str], tmp_path: Path) -> None:
    done = run(installed, tmp_path, "sample", "--records", 50, "--format", "csv", "--out", "data.csv")
    assert (done.returncode, done.stderr) == (0, "")
    done = run(installed, tmp_path, "prepare", "data.csv", "--out", "data.jsonl", "--augment", "--limit", 60)
    assert (done.returncode, done.stderr) == (0, "")


def test_people_s_ratings_are_asked_for_by_name(installed: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("{}")
    done = run(installed, tmp_path, "review", "human-review.csv")
    assert (done.returncode, done.stderr) == (2, "finetune: evaluation.json is not the evaluation.json of a run.\n")


@pytest.mark.parametrize(("line", "first"), [(("status",), "boto3"), (("rollback", "shop"), "botocore")])
def test_what_speaks_to_aws_needs_the_extra(
    line: tuple[str, ...], first: str, installed: tuple[Path, str], tmp_path: Path
) -> None:
    done = run(installed, tmp_path, *line)
    assert (done.returncode, done.stdout) == (2, "")
    if installed[1]:
        words = "While connecting to AWS: You must specify a region. Set a Region in AWS_REGION."
    else:
        words = f"This command needs {first}. Install the extra aws: pip install '<folder of the clone>[aws]'."
    assert done.stderr == f"finetune: {words}\n"
