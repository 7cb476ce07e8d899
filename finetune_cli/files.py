"""Files that a command reads and writes: looked at before work begins, written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from finetune.domain.records.source import SUFFIXES
from finetune.domain.validation.rules import media_name
from finetune_cli.answer import UsageFailure

CHUNK = 8 * 1024 * 1024
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")
_SHEETS = (".xlsx", ".xls", ".ods", ".numbers")


def name_of(path: Path) -> str:
    """The path as it can be shown, whatever bytes are in it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(path))


def readable(path: Path) -> Path:
    """The path of a file that can be read; UsageFailure says why it is none."""
    try:
        if path.is_dir():
            raise UsageFailure(f"{name_of(path)} is a directory; name the file in it.")
        if _is_special(path):
            raise UsageFailure(f"{name_of(path)} is no regular file; write what comes out of it to one.")
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        raise UsageFailure(f"{name_of(path)} cannot be read: {_reason(error)}.") from None
    return path


def dataset(path: Path, suffix: str | None = None) -> tuple[Path, str]:
    """The path of a readable dataset and what it is by its suffix, or by the one given instead."""
    readable(path)
    suffix = suffix or path.suffix.lower()
    if suffix not in SUFFIXES:
        advice = "unpack it first" if suffix in _PACKED else "export it as CSV" if suffix in _SHEETS else ""
        known = f"a dataset ends in {', '.join(SUFFIXES)}"
        raise UsageFailure(f"{name_of(path)} is no dataset: {'; '.join(filter(None, (known, advice)))}.")
    return path, suffix


def project_file(path: Path, name: str) -> tuple[Path, str]:
    """The path of a set that lies beside a project's settings, where it has to be JSON Lines to be found."""
    readable(path)
    if path.suffix.lower() != ".jsonl":
        raise UsageFailure(f"{name_of(path)} would not be found: a project's {name} set is the file {name}.jsonl.")
    return path, ".jsonl"


def require_suffix(out: Path, suffix: str = ".jsonl") -> None:
    """UsageFailure when the name of a file says that it is not the JSON Lines, or the CSV, that is written to it."""
    if out.suffix.lower() not in (suffix, ""):
        what = {".jsonl": "JSON Lines are", ".csv": "CSV is"}[suffix]
        raise UsageFailure(f"{name_of(out)}: {what} written; give the file a name that ends in {suffix}.")


def require_rereadable(out: Path) -> None:
    """UsageFailure when JSON Lines cannot be written there and read again, which is how a new dataset is judged."""
    require_suffix(out)
    if _is_special(out):
        raise UsageFailure(f"{name_of(out)} is no regular file; a dataset is read again to be judged.")


def _is_special(path: Path) -> bool:
    """Whether this is a pipe or a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def media_size(folder: Path) -> Callable[[str], int | None]:
    """The bytes of a file by the URI that it has in a project's media folder, for which a folder on disk stands."""
    if not folder.is_dir():
        raise UsageFailure(f"{name_of(folder)} is no directory; name the one that holds the images and videos.")
    try:
        files = [path for path in folder.rglob("*") if path.is_file()]
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    except OSError as error:
        raise UsageFailure(f"{name_of(folder)} cannot be looked through: {_reason(error)}.") from None

    def size(uri: str) -> int | None:
        name = media_name(uri)
        return sizes.get(name) if name else None

    return size


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces of 8 MiB."""
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise UsageFailure(f"{name_of(path)} cannot be read to its end: {_reason(error)}.") from None


def require_other(out: Path, *, inputs: Iterable[Path]) -> None:
    """UsageFailure when what is to be written is a directory or, by whatever name, one of the files that are read."""
    try:
        if out.is_dir():
            raise UsageFailure(f"{name_of(out)} is a directory; name a file to write.")
        same = any(out.resolve() == source.resolve() or (out.exists() and out.samefile(source)) for source in inputs)
    except OSError as error:
        raise UsageFailure(f"{name_of(out)} cannot be written: {_reason(error)}.") from None
    if same:
        raise UsageFailure(f"{name_of(out)} is the file that is read; write to another one.")


@contextmanager
def replaced(path: Path, *, inputs: Iterable[Path]) -> Iterator[BinaryIO]:
    """A file to write that takes its name when all went well; UsageFailure when that is the name of an input."""
    require_other(path, inputs=inputs)
    try:
        with _whole(path) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageFailure(f"{name_of(path)} cannot be written: {_reason(error)}.") from None


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file beside the target that takes its place at the end; a device or a pipe is written to as it is."""
    if _is_special(target):
        with target.open("wb") as device:
            yield device
        return
    target = target.resolve()
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with partial.open("xb") as file:
            yield file
        if target.exists():
            partial.chmod(target.stat().st_mode)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _reason(error: OSError | ValueError) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]
