"""`python -m tools.release v0.2.0`: print the changelog of a version, and refuse a tag that names another one."""

from __future__ import annotations

import re
import sys
import tomllib
from typing import NamedTuple

from tools.project import ROOT

_HEADING = re.compile(r"^## (\S+)(?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


class Section(NamedTuple):
    """One version of the changelog; what is not released yet has no date."""

    version: str
    date: str
    text: str


def version() -> str:
    """The version in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def sections() -> list[Section]:
    """The sections of CHANGELOG.md, in its order."""
    _, *parts = _HEADING.split((ROOT / "CHANGELOG.md").read_text())
    found = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return [Section(name, date or "", text.strip()) for name, date, text in found]


def notes(tag: str) -> str:
    """What the changelog says of the version that a tag names; ValueError says what does not fit together."""
    if tag != f"v{version()}":
        raise ValueError(f"The tag is {tag} and the version in pyproject.toml is {version()}; make them one.")
    for section in sections():
        if section.version == version() and section.date and section.text:
            return section.text
    raise ValueError(f"CHANGELOG.md has no dated section for {version()}; write one: ## {version()} - YYYY-MM-DD.")


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1] if sys.argv[1:] else f"v{version()}"))
    except ValueError as error:
        sys.exit(str(error))
