"""A weakness of a dependency and a secret in any commit are found; what is clean is said to be."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tools import audit
from tools.project import ROOT


def test_every_line_of_a_lock_that_pins_is_asked_about() -> None:
    packages = dict(audit.pinned())
    assert {"boto3", "pydantic", "orjson", "aws-sam-cli", "moto"} <= packages.keys()
    for lock in audit.LOCKS:
        pinning = [line for line in (ROOT / lock).read_text().splitlines() if "==" in line and line[0].isalnum()]
        assert len(audit._PINNED.findall("\n".join(pinning))) == len(pinning) > 0


def test_a_known_weakness_is_named_with_its_package() -> None:
    asked: list[list[dict[str, Any]]] = []

    def osv(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked.append(queries)
        return [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}]

    assert audit.weaknesses([("good", "1.0"), ("bad", "2.0")], osv) == ["bad 2.0: GHSA-1, PYSEC-2"]
    assert asked == [
        [
            {"package": {"name": "good", "ecosystem": "PyPI"}, "version": "1.0"},
            {"package": {"name": "bad", "ecosystem": "PyPI"}, "version": "2.0"},
        ]
    ]


def test_an_answer_that_lacks_a_package_is_no_clean_answer() -> None:
    with pytest.raises(ValueError, match="zip"):
        audit.weaknesses([("one", "1.0"), ("two", "2.0")], lambda _: [{}])


def test_a_lock_says_how_old_it_is() -> None:
    told = audit.ages(ROOT, datetime.now(UTC) + timedelta(days=400))
    assert [line.rpartition(" is ")[0] for line in told] == list(audit.LOCKS)
    assert all(int(line.split()[-3]) >= 400 for line in told)


def test_a_secret_in_a_commit_is_found_although_a_later_one_removes_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603, S607 - fixed words

    secret = "".join(("AKIA", "ABCDEFGHIJKLMNOP"))
    git("init", "--quiet")
    for content in (f"key = {secret}\n", "key = none\n"):
        (tmp_path / "settings.py").write_text(content)
        git("add", ".")
        git("commit", "--quiet", "--message", "change")

    found = audit.secrets(tmp_path)

    assert found == ["settings.py: an AWS access key"]
    assert secret not in "".join(found)
