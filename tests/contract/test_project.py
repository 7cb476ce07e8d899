"""What a stranger and a machine find at the top of the repository: releases, workflows, forms and formatting."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import release
from tools.project import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
FORMS = sorted(set(GITHUB.glob("ISSUE_TEMPLATE/*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"})
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


# Releases


def test_the_version_is_the_newest_one_of_the_changelog() -> None:
    first, *released = release.sections()
    assert first.version == "Unreleased"
    assert released[0].version == release.version()
    days = [date.fromisoformat(section.date) for section in released]
    assert days == sorted(days, reverse=True)


def test_the_notes_of_a_release_are_the_section_of_its_version() -> None:
    notes = release.notes(f"v{release.version()}")
    assert notes
    assert notes == release.sections()[1].text


def test_a_tag_that_is_not_the_version_makes_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"The tag is v9\.9\.9 and the version"):
        release.notes("v9.9.9")
    monkeypatch.setattr(release, "version", lambda: "9.9.9")
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has no dated section for 9\.9\.9"):
        release.notes("v9.9.9")


# Workflows and forms


def refused(schema: str, *paths: Path) -> str:
    """What GitHub's own schema has against the files; empty when nothing."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    run = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    return run.stdout if run.returncode else ""


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE/config.yml"]),
    ],
)
def test_what_github_reads_is_what_github_takes(schema: str, paths: list[Path]) -> None:
    assert paths
    assert refused(schema, *paths) == ""


def test_a_broken_workflow_is_refused_by_the_same_check(tmp_path: Path) -> None:
    broken = tmp_path / "check.yml"
    broken.write_text("on: push\njobs: {check: {runs-on: ubuntu-24.04, step: []}}\n")
    assert "check.yml" in refused("vendor.github-workflows", broken)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_runs_only_actions_pinned_by_commit(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (.+)$", text, flags=re.MULTILINE)
    assert [action for action in used if not PINNED.fullmatch(action)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_only_a_release_may_write_and_only_contents() -> None:
    jobs = {(path.name, name): job for path in WORKFLOWS for name, job in _jobs(path).items()}
    allowed = {where: job["permissions"] for where, job in jobs.items() if "permissions" in job}
    assert allowed == {("release.yml", "release"): {"contents": "write"}}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_makes_only_what_the_makefile_has(path: Path) -> None:
    commands = [step["run"] for job in _jobs(path).values() for step in job["steps"] if "run" in step]
    made = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(commands)))
    assert made
    assert made <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def _jobs(path: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return jobs


def test_every_lock_and_every_action_is_watched_for_updates() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    folders = {f"/{path.parent.relative_to(ROOT)}" for path in tracked() if path.name.endswith(".in")}
    watched = {folder for each in updates for folder in each.get("directories", [])}
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions"}
    assert watched == folders


# Formatting


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    return [ROOT / name for name in names.split("\0") if (ROOT / name).is_file()]


def editorconfig() -> ConfigParser:
    parser = ConfigParser(allow_unnamed_section=True)
    parser.read(ROOT / ".editorconfig")
    return parser


def test_editors_break_lines_where_the_formatter_does() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert editorconfig()["*.py"]["max_line_length"] == str(ruff["line-length"])


def test_every_file_is_written_as_editors_are_told_to() -> None:
    told = editorconfig()["*"]
    assert (told["end_of_line"], told["charset"], told["insert_final_newline"]) == ("lf", "utf-8", "true")
    texts = {path: path.read_bytes() for path in tracked() if path.suffix not in {".png", ".gz", ".xz", ".zip"}}
    assert [path.name for path, text in texts.items() if b"\r" in text or text[-1:] not in {b"", b"\n"}] == []
    spaced = [path.name for path, text in texts.items() if re.search(rb"[ \t]+$", text, flags=re.MULTILINE)]
    assert [name for name in spaced if not name.endswith(".jsonl")] == []


def test_a_hook_before_a_commit_is_a_command_of_this_project() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        command = hook["entry"].split()[0]
        assert hook["language"] == "system"
        assert command == "make" or Path(sys.executable).with_name(Path(command).name).is_file()
