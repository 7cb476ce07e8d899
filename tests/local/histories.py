"""Recorded executions as tests read them."""

from pathlib import Path

from local.history import Event, load, rows
from local.watch import Activity, View

FOLDER = Path(__file__).parent / "fixtures" / "histories"
ENDS = {"promoted": "SUCCEEDED", "rejected": "FAILED", "failed": "FAILED", "crashed": "FAILED"}


def recorded(name: str) -> list[Event]:
    return load(FOLDER / f"{name}.json")


def view(name: str, events: int | None = None, *activities: Activity) -> View:
    """What a watcher saw when the execution had this many events; all of them when it had ended."""
    seen = recorded(name)[:events]
    status = "RUNNING" if events else ENDS[name]
    description = {"status": status, "startDate": seen[0]["timestamp"]}
    return View(description, seen, rows(seen), list(activities), seen[-1]["timestamp"])
