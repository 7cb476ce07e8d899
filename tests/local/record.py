"""`python -m tests.local.record OUT NAME`: keep a run's history as a fixture, without what no test reads."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures" / "histories"
VISITS_KEPT = 3
KEPT_DETAILS = ("name", "output", "error", "length", "index")


def record(source: Path, name: str) -> Path:
    """Write `<name>.json`: of a loop its first visits only, of a state's output only what it added."""
    events = json.loads((source / "history.json").read_text(encoding="utf-8"))
    target = FIXTURES / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([_slim(event) for event in _without_repeats(events)], indent=1) + "\n")
    return target


def _without_repeats(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events but those of states that were visited too often; a chain of predecessors is dropped as a whole."""
    visits: Counter[str] = Counter()
    dropped: set[int] = set()
    for event in events:
        visits[event.get("stateEnteredEventDetails", {}).get("name", "")] += "stateEnteredEventDetails" in event
        entered = event.get("stateEnteredEventDetails", {}).get("name")
        follows_dropped = event.get("previousEventId") in dropped and entered is None
        if follows_dropped or (entered and visits[entered] > VISITS_KEPT):
            dropped.add(event["id"])
    return [event for event in events if event["id"] not in dropped]


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    details = next((key for key in event if key.endswith("EventDetails")), None)
    if details is None:
        return event
    kept = {key: value for key, value in event[details].items() if key in KEPT_DETAILS}
    if "output" in kept:
        kept["output"] = _added(event["type"], kept["output"])
    return event | {details: kept}


def _added(kind: str, output: str) -> str:
    """The last key of a Task's output: states keep what they got and add one."""
    content = json.loads(output) if kind == "TaskStateExited" else None
    return json.dumps(dict(list(content.items())[-1:])) if isinstance(content, dict) else "{}"


if __name__ == "__main__":
    print(record(Path(sys.argv[1]), sys.argv[2]))
