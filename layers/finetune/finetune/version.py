"""Which code this is: a hash of the package's own files, the same in a checkout, an installation and a Lambda layer."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


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
