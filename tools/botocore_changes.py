"""Compare the newest botocore with the pinned one for the operations that the product uses: `make botocore`.

Prints one line for each difference. Ends with 1 if something that is sent or read changed incompatibly, with 0 if
things were only added, and with 2 if the newest release could not be had.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import botocore
from botocore import xform_name
from botocore.loaders import Loader

from tools.project import ROOT

# The folders whose code runs against AWS, and where each service's client is made.
SOURCES = ("layers/finetune/finetune", "functions", "finetune_cli")
CLIENTS = ROOT / "layers/finetune/finetune/aws/clients.py"
_CLIENT = re.compile(r'boto3\.client\("([a-z0-9-]{2,40})"')

type Model = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One difference; `breaks` is whether what the product sends or reads may be wrong now."""

    text: str
    breaks: bool


def services() -> list[str]:
    """The services that the product has clients of."""
    return sorted(set(_CLIENT.findall(CLIENTS.read_text())))


def used(model: Model) -> list[str]:
    """The operations of a service whose names the product's code mentions."""
    names = _mentioned()
    return sorted(name for name in model["operations"] if xform_name(name) in names)


@cache
def _mentioned() -> frozenset[str]:
    """Every attribute and every text of the product's code; paginators are named by texts."""
    found: set[str] = set()
    for path in (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def changes(old: Model, new: Model, operations: Sequence[str]) -> list[Change]:
    """What differs between two models of a service in these operations."""
    found: dict[Change, None] = {}
    for name in operations:
        if name not in new["operations"]:
            found[Change(f"{name}: the operation is gone", breaks=True)] = None
            continue
        found |= dict.fromkeys(_operation(old, new, name))
    return list(found)


def _operation(old: Model, new: Model, name: str) -> Iterator[Change]:
    before, after = old["operations"][name], new["operations"][name]
    for key in ("method", "requestUri", "responseCode"):
        yield from _differs(f"{name}: {key}", before["http"].get(key), after["http"].get(key))
    if after.get("deprecated") and not before.get("deprecated"):
        yield Change(f"{name}: is deprecated now", breaks=False)
    yield from _errors(old, new, name)
    for direction in ("input", "output"):
        shapes = before.get(direction, {}).get("shape"), after.get(direction, {}).get("shape")
        if None in shapes:
            yield from _differs(f"{name} {direction}", *shapes)
        else:
            yield from _Comparison(old, new, sent=direction == "input").shapes(*shapes, f"{name} {direction}", ())


def _errors(old: Model, new: Model, name: str) -> Iterator[Change]:
    before, after = (
        {error["shape"]: _status(model, error["shape"]) for error in model["operations"][name].get("errors", ())}
        for model in (old, new)
    )
    for error in sorted(before.keys() | after.keys()):
        if error not in after:
            yield Change(f"{name}: the error {error} is not declared any more", breaks=True)
        elif error not in before:
            yield Change(f"{name}: declares the error {error}", breaks=False)
        else:
            yield from _differs(f"{name}: status of {error}", before[error], after[error])


def _status(model: Model, error: str) -> Any:
    return model["shapes"].get(error, {}).get("error", {}).get("httpStatusCode")


def _differs(what: str, before: Any, after: Any) -> Iterator[Change]:
    if before != after:
        yield Change(f"{what} was {before!r}, is {after!r}", breaks=True)


@dataclass(frozen=True)
class _Comparison:
    """Two models, and whether the shapes that are compared are `sent` to the service or read from it."""

    old: Model
    new: Model
    sent: bool

    def shapes(self, before: str, after: str, path: str, seen: tuple[tuple[str, str], ...]) -> Iterator[Change]:
        """The differences of two shapes and all below them; a shape within itself is compared once."""
        if (before, after) in seen:
            return
        seen = (*seen, (before, after))
        was, now = self.old["shapes"][before], self.new["shapes"][after]
        if was["type"] != now["type"]:
            yield from _differs(f"{path}: type", was["type"], now["type"])
            return
        yield from self._limits(was, now, path)
        for name, own in was.get("members", {}).items():
            other = now["members"].get(name)
            if other is None:
                yield Change(f"{path}.{name}: the member is gone", breaks=True)
                continue
            for key in ("location", "locationName"):
                yield from _differs(f"{path}.{name}: {key}", own.get(key), other.get(key))
            yield from self.shapes(own["shape"], other["shape"], f"{path}.{name}", seen)
        for name in now.get("members", {}).keys() - was.get("members", {}).keys():
            yield Change(f"{path}.{name}: the member is new", breaks=name in now.get("required", ()) and self.sent)
        yield from self._required(was, now, path)
        for part in ("member", "key", "value"):
            if part in was and part in now:
                yield from self.shapes(was[part]["shape"], now[part]["shape"], f"{path}.{part}", seen)

    def _required(self, was: Model, now: Model, path: str) -> Iterator[Change]:
        """What must be sent may grow fewer, what is always answered may grow more."""
        before, after = set(was.get("required", ())), set(now.get("required", ()))
        known = was.get("members", {}).keys() & now.get("members", {}).keys()
        for name in sorted((after - before) & known):
            yield Change(f"{path}.{name}: is required now", breaks=self.sent)
        for name in sorted((before - after) & known):
            yield Change(f"{path}.{name}: is not required any more", breaks=not self.sent)

    def _limits(self, was: Model, now: Model, path: str) -> Iterator[Change]:
        """Enums, patterns and bounds; those of answers bind the service and not the product, but for enums."""
        gone, come = (sorted(set(a.get("enum", ())) - set(b.get("enum", ()))) for a, b in ((was, now), (now, was)))
        if "enum" in was and "enum" in now:
            yield from (Change(f"{path}: {value!r} is not in the enum any more", breaks=True) for value in gone)
            yield from (Change(f"{path}: {value!r} is in the enum now", breaks=False) for value in come)
        elif gone or come:
            yield Change(f"{path}: {'lost its' if gone else 'has an'} enum", breaks=self.sent and bool(come))
        yield from self._pattern(was.get("pattern"), now.get("pattern"), path)
        for bound, tighter in (("min", 1), ("max", -1)):
            before, after = was.get(bound), now.get(bound)
            if before != after:
                narrower = after is not None and (before is None or (after - before) * tighter > 0)
                yield Change(f"{path}: {bound} was {before}, is {after}", breaks=self.sent and narrower)

    def _pattern(self, was: str | None, now: str | None, path: str) -> Iterator[Change]:
        if was == now:
            return
        added = _added_alternatives(was, now) if was and now else []
        if added:
            yield Change(f"{path}: the pattern takes {'|'.join(added)} too", breaks=False)
        else:
            yield Change(f"{path}: pattern was {was!r}, is {now!r}", breaks=self.sent and now is not None)


def _added_alternatives(was: str, now: str) -> list[str]:
    """The alternatives that a pattern has beside all its earlier ones in their order; none if it changed otherwise."""
    added, left = [], was.split("|")
    for each in now.split("|"):
        if left and each == left[0]:
            left.pop(0)
        else:
            added.append(each)
    return [] if left else added


def told(found: Mapping[str, Sequence[Change]], old: str, new: str, operations: int) -> tuple[list[str], int]:
    """The lines to print about the changes of each service, and how the command ends."""
    lines = [
        f"{'incompatible' if change.breaks else 'added or relaxed'}: {service} {change.text}"
        for service, each in found.items()
        for change in each
    ]
    breaking = sum(change.breaks for each in found.values() for change in each)
    lines.append(
        f"botocore {new} against {old}: {len(lines)} differences in the {operations} operations used, "
        f"{breaking} of them incompatible."
    )
    return lines, int(breaking > 0)


def _newest(folder: Path) -> tuple[str, Loader]:
    """The newest release, in a folder of its own; CalledProcessError if the index does not give it."""
    uv = Path(sys.executable).with_name("uv")
    asked = [str(uv), "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(folder), "botocore"]
    subprocess.run(asked, check=True, capture_output=True, text=True, timeout=600)  # noqa: S603 - fixed words
    info = next(folder.glob("botocore-*.dist-info"))
    loader = Loader(extra_search_paths=[str(folder / "botocore/data")], include_default_search_paths=False)
    return info.name.removeprefix("botocore-").removesuffix(".dist-info"), loader


def main() -> int:
    pinned = Loader()
    with TemporaryDirectory() as folder:
        try:
            version, newest = _newest(Path(folder))
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
            print(f"The newest botocore could not be installed: {reason}")
            return 2
        found, operations = {}, 0
        for service in services():
            old = pinned.load_service_model(service, "service-2")
            names = used(old)
            operations += len(names)
            found[service] = changes(old, newest.load_service_model(service, "service-2"), names)
    lines, code = told(found, botocore.__version__, version, operations)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
