"""Ask OSV for known weaknesses of pinned dependencies, look for secrets in the history, and say how old the locks are.

`python -m tools.audit dependencies` asks api.osv.dev about every version in the locks, `python -m tools.audit secrets`
reads every line that a commit has ever added. Each lists what it found and ends with 1, or says that there is nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from finetune.domain.validation.sensitive import sensitive
from tools.project import ROOT

LOCKS = (
    *(f"requirements/{name}.txt" for name in ("dev", "build", "sam", "checkov")),
    "layers/finetune/requirements.txt",
)
_PINNED = re.compile(
    r"^([a-z0-9][a-z0-9._-]{0,99})(?:\[[^\]\n]*\])?==([a-z0-9.!+-]{1,50})", re.MULTILINE | re.IGNORECASE
)
# Files with made-up secrets by which the search for secrets is tried, under this name and earlier ones.
EXAMPLES = (
    "tests/unit/domain/validation/test_sensitive.py",
    "tests/unit/test_dataset_lint.py",
    "tests/unit/test_shortcut.py",
)

type Ask = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def pinned() -> list[tuple[str, str]]:
    """Every package with the version that a lock names."""
    return sorted({found for lock in LOCKS for found in _PINNED.findall((ROOT / lock).read_text())})


def osv(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What OSV answers to a batch of queries, in their order."""
    connection = HTTPSConnection("api.osv.dev", timeout=60)
    connection.request("POST", "/v1/querybatch", json.dumps({"queries": queries}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise ConnectionError(f"OSV answered {answer.status}; try again.")
    results: list[dict[str, Any]] = json.loads(answer.read())["results"]
    return results


def weaknesses(packages: Sequence[tuple[str, str]], ask: Ask) -> list[str]:
    """The packages with known weaknesses, with the names of these."""
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in packages]
    answers = ask(queries)
    return [
        f"{name} {version}: {', '.join(each['id'] for each in answer['vulns'])}"
        for (name, version), answer in zip(packages, answers, strict=True)
        if answer.get("vulns")
    ]


def ages(root: Path, now: datetime) -> list[str]:
    """How many days ago each lock was made."""
    return [f"{lock} is {(now - _changed(root, lock)).days} days old" for lock in LOCKS]


def _changed(root: Path, lock: str) -> datetime:
    when = _git(root, "log", "-1", "--format=%cI", "--", lock).strip()
    return datetime.fromisoformat(when) if when else datetime.now(UTC)


def secrets(root: Path) -> list[str]:
    """Where a commit has added what looks like a secret: file and kind, never the secret."""
    found: dict[str, None] = {}
    path = ""
    for line in _git(root, "log", "--all", "--patch", "--unified=0", "--no-color", "--format=").splitlines():
        if line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif line.startswith("+") and path not in EXAMPLES:
            found |= {f"{path}: {name}": None for code, name in sensitive(line[1:]) if code == "secret"}
    return list(found)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)  # noqa: S603, S607 - fixed words
    return done.stdout.decode(errors="replace")


def _told(found: list[str], nothing: str) -> Iterator[str]:
    yield from found or [nothing]


def main(what: str) -> int:
    if what == "dependencies":
        packages = pinned()
        found = weaknesses(packages, osv)
        print("\n".join(ages(ROOT, datetime.now(UTC))))
        print("\n".join(_told(found, f"No known weakness in {len(packages)} pinned versions.")))
    else:
        found = secrets(ROOT)
        print("\n".join(_told(found, "No secret in any commit.")))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
