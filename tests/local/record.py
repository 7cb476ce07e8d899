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
    inputs: dict[str, dict[str, Any]] = {}
    slim = [_slim(event, inputs) for event in _without_repeats(events)]
    target.write_text(json.dumps(slim, indent=1) + "\n")
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


def _slim(event: dict[str, Any], inputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An event without what no test reads; `inputs` are those that the states entered last had."""
    details = next((key for key in event if key.endswith("EventDetails")), None)
    if details is None:
        return event
    name = event[details].get("name", "")
    if "input" in event[details]:
        inputs[name] = json.loads(event[details]["input"])
    kept = {key: value for key, value in event[details].items() if key in KEPT_DETAILS}
    if "output" in kept:
        kept["output"] = json.dumps(_added(event["type"], json.loads(kept["output"]), inputs.get(name, {})))
    return event | {details: kept}


def _added(kind: str, output: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What a Task added to its input; nothing of any other kind of event."""
    if kind != "TaskStateExited" or not isinstance(output, dict):
        return {}
    return {key: value for key, value in output.items() if key not in given or given[key] != value}


if __name__ == "__main__":
    print(record(Path(sys.argv[1]), sys.argv[2]))
