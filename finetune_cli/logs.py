"""`finetune logs`: what the functions logged about a run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetune.aws import clients, logs, overview
from finetune.foreign import SERVICE_CHARACTERS, foreign
from finetune_cli import nearby, past, stack
from finetune_cli.answer import Answer
from finetune_cli.commands.logs import Options
from finetune_cli.console import Console
from finetune_cli.past import Past

_FUNCTION = re.compile(r"-(\w+)Function-")
# What a line says beside its facts.
_OWN = frozenset(
    {"level", "location", "message", "timestamp", "service", "cold_start", "run_id", "project", "execution_arn"}
    | {"function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id", "output"}
)


def run(options: Options, console: Console) -> Answer:
    """Yes when something was logged."""
    by = stack.removing(options.stack)
    found = past.find(by, options.run)
    read = _nearby(found, options.most) if options.local else _cloudwatch(found, options)
    told = [_line(moment, text) for moment, text in read]
    for each in told:
        console.write(_words(each))
    if not told:
        console.warn(f"finetune: nothing is logged about run {found.name}, or no longer.")
    if len(told) == options.most:
        console.warn(f"finetune: only the first {options.most} lines; name more with --most.")
    return Answer(bool(told), {"run": found.name, "lines": told})


def _cloudwatch(found: Past, options: Options) -> Iterator[tuple[datetime, str]]:
    group = overview.resource(clients.cloudformation(), options.stack, "FunctionLogGroup")
    execution = found.execution
    until = (execution.stopped or execution.as_of) if execution else datetime.now(UTC)
    return logs.about(clients.logs(), group, found.run_id, found.started, until, options.most)


def _nearby(found: Past, most: int) -> list[tuple[datetime, str]]:
    """The same from the files in which the local cloud keeps its logs."""
    folder = Path(os.environ.get(nearby.FOLDER_VARIABLE, nearby.FOLDER)) / "logs" / "functions"
    lines = [line for path in folder.glob("*.log") for line in path.read_text(errors="replace").splitlines()]
    timed = [(_moment(line), line) for line in lines if found.run_id in line]
    return sorted(timed)[:most]


def _moment(line: str) -> datetime:
    """When a line was written; the beginning of time for one that does not say it."""
    try:
        return datetime.strptime(json.loads(line)["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z")
    except (ValueError, KeyError, TypeError):
        return datetime.min.replace(tzinfo=UTC)


def _line(moment: datetime, text: str) -> dict[str, Any]:
    """A line of the log in parts; what is no line of ours is its message."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {"time": moment.isoformat(), "function": None, "level": None, "message": text, "facts": {}}
    named = _FUNCTION.search(str(found.get("function_name", "")))
    output = found.get("output")
    facts = {key: value for key, value in found.items() if key not in _OWN}
    return {
        "time": moment.isoformat(),
        "function": named[1] if named else None,
        "level": found.get("level"),
        "message": str(found.get("message", "")),
        "facts": {**facts, **(output if isinstance(output, dict) else {})},
    }


def _words(each: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in each["facts"].items())
    parts = (each["time"][:19].replace("T", " "), each["function"], each["level"], each["message"])
    said = " ".join(part for part in parts if part)
    return foreign(f"{said}: {facts}" if facts else said, SERVICE_CHARACTERS)
