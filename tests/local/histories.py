"""Recorded executions as tests read them."""

from pathlib import Path

from finetune_cli.history import Event, load, rows
from local.clock import Timeline
from local.watch import Activity, View

FOLDER = Path(__file__).parent / "fixtures" / "histories"
SCALE = 300.0
ENDS = {"promoted": "SUCCEEDED", "rejected": "FAILED", "failed": "FAILED", "crashed": "FAILED"}


def recorded(name: str) -> list[Event]:
    return load(FOLDER / f"{name}.json")


def timeline(seen: list[Event], scale: float = SCALE) -> Timeline:
    """Service time that ran at one speed from the first event to the last."""
    start, now = seen[0]["timestamp"], seen[-1]["timestamp"]
    return Timeline(scale=scale, marks=[(start, 0.0), (now, (now - start).total_seconds() / scale)])


def view(name: str, events: int | None = None, *activities: Activity, scale: float = SCALE) -> View:
    """What a watcher saw when the execution had this many events; all of them when it had ended."""
    seen = recorded(name)[:events]
    status = "RUNNING" if events else ENDS[name]
    description = {"status": status, "startDate": seen[0]["timestamp"]}
    return View(description, seen, rows(seen), list(activities), timeline(seen, scale))
