"""Files that a command reads and writes: checked before work begins, written completely or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from finetune.domain.records.limits import ANY_SUFFIX, SUFFIXES
from finetune.domain.validation.rules import media_name
from finetune.foreign import foreign
from finetune_cli.answer import UsageFailure

CHUNK = 8 * 1024 * 1024
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")
_SHEETS = (".xlsx", ".xls", ".ods", ".numbers")


def name_of(path: Path) -> str:
    """The path as text that can be shown."""
    return foreign("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(path)))


def readable(path: Path) -> Path:
    """The path of a file that can be read; otherwise UsageFailure with the reason."""
    try:
        if path.is_dir():
            raise UsageFailure(f"{name_of(path)} is a directory; name the file in it.")
        if _is_special(path):
            raise UsageFailure(f"{name_of(path)} is not a regular file; save its content to a regular file first.")
        with path.open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        raise UsageFailure(f"{name_of(path)} cannot be read: {_reason(error)}.") from None
    return path


def dataset(path: Path, suffix: str | None = None) -> tuple[Path, str]:
    """The path of a readable dataset and its suffix, or the given suffix instead."""
    readable(path)
    suffix = suffix or path.suffix.lower()
    if suffix not in SUFFIXES:
        advice = "unpack it first" if suffix in _PACKED else "export it as CSV" if suffix in _SHEETS else ""
        known = f"the name of a dataset ends in {ANY_SUFFIX}"
        raise UsageFailure(f"{name_of(path)} is not a dataset: {'; '.join(filter(None, (known, advice)))}.")
    return path, suffix


def project_file(path: Path, name: str) -> tuple[Path, str]:
    """The path of a project's own set and its suffix; the pipeline reads only JSON Lines."""
    readable(path)
    if path.suffix.lower() != ".jsonl":
        raise UsageFailure(f"{name_of(path)} is not used: a project's {name} set must be the file {name}.jsonl.")
    return path, ".jsonl"


def require_suffix(out: Path, suffix: str = ".jsonl") -> None:
    """UsageFailure when the name of a file says that it is not the JSON Lines, or the CSV, that is written to it."""
    if out.suffix.lower() not in (suffix, ""):
        what = {".jsonl": "JSON Lines", ".csv": "CSV"}[suffix]
        raise UsageFailure(f"{name_of(out)}: the output is {what}; give the file a name that ends in {suffix}.")


def require_rereadable(out: Path) -> None:
    """UsageFailure when JSON Lines cannot be written there and read again to check them."""
    require_suffix(out)
    if _is_special(out):
        raise UsageFailure(f"{name_of(out)} is not a regular file; the new dataset is read again to check it.")


def _is_special(path: Path) -> bool:
    """Whether this is a pipe or a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def media_size(folder: Path) -> Callable[[str], int | None]:
    """A function that returns the bytes of a media file by its URI; the local folder replaces the project's."""
    if not folder.is_dir():
        raise UsageFailure(f"{name_of(folder)} is not a directory; name the one with the images and videos.")
    try:
        files = [path for path in folder.rglob("*") if path.is_file()]
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    except OSError as error:
        raise UsageFailure(f"{name_of(folder)} cannot be searched: {_reason(error)}.") from None

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
    """UsageFailure when the output is a directory or, also by another name, one of the inputs."""
    try:
        if out.is_dir():
            raise UsageFailure(f"{name_of(out)} is a directory; name a file to write.")
        same = any(out.resolve() == source.resolve() or (out.exists() and out.samefile(source)) for source in inputs)
    except OSError as error:
        raise UsageFailure(f"{name_of(out)} cannot be written: {_reason(error)}.") from None
    if same:
        raise UsageFailure(f"{name_of(out)} is also read; write to another file.")


@contextmanager
def replaced(path: Path, *, inputs: Iterable[Path]) -> Iterator[BinaryIO]:
    """A file to write that gets its name only if there was no error; UsageFailure if it is also an input."""
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
    """A file in the target's folder that replaces it at the end; a device or a pipe is written directly."""
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
