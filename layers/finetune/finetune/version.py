"""Which code this is: the release, and a hash that is the same in a checkout, an installation and a Lambda layer."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "bedrock-finetune"


@cache
def code_version(package: Path = Path(__file__).parent) -> str:
    """The first 16 hexadecimal digits of the sha256 over every file's name and content, compiled files left out."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*"), key=lambda path: path.relative_to(package).as_posix()):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def code_name() -> str:
    """Name, release and hash in one line; a Lambda layer knows no release, because pip has not installed it there."""
    try:
        release = f" {version(DISTRIBUTION)}"
    except PackageNotFoundError:
        release = ""
    return f"finetune{release}, sha256 {code_version()}"
