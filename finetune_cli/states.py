"""The states of a run's execution, in words that stand in a line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from finetune.aws import executions
from finetune_cli.history import Row, rows
from finetune_cli.past import Past

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def current(stepfunctions: SFNClient, run: Past) -> str:
    """The state that a run is in, the inner one of a Map; empty when it has ended."""
    going = [row for row in of(stepfunctions, run) if row.status == "running"] if run.going else []
    return going[-1].name if going else ""


def of(stepfunctions: SFNClient, run: Past) -> list[Row]:
    """The states of a run in the order in which they were entered; none once Step Functions forgot it."""
    return rows(executions.history(stepfunctions, run.execution_arn)) if run.execution else []


def line(row: Row, now: datetime) -> str:
    """A state with its time, how often it was entered, and what became of it."""
    visits = f", {row.visits} times" if row.visits > 1 else ""
    turns = f", {row.iterations_ended} of {row.iterations}" if row.iterations > 1 else ""
    failed = f", {row.error}" if row.error else ""
    chosen = f" -> {row.chosen}" if row.chosen else ""
    time = "" if row.kind in {"Choice", "Succeed", "Fail", "Pass"} else f", {duration(row.seconds_until(now))}"
    going = ", going on" if row.status == "running" else ""
    return f"{'  ' if row.inside else ''}{row.name}{chosen}{time}{visits}{turns}{failed}{going}"


def facts(row: Row, now: datetime) -> dict[str, Any]:
    """A state for a program."""
    return {
        "state": row.name,
        "status": row.status,
        "inside": row.inside,
        "visits": row.visits,
        "seconds": round(row.seconds_until(now), 3),
        "error": row.error,
    }


def duration(seconds: float, decimals: int = 0) -> str:
    """Seconds as a person says them, in their two largest units: 12 s, 5 min 20 s, 1 h 12 min."""
    if seconds < 60:
        return f"{seconds:.{decimals}f} s"
    parts, rest = list[tuple[int, str]](), round(seconds)
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        parts.append((count, name))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count)
