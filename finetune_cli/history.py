"""An execution's history as the rows of the console's table of states; pure, from GetExecutionHistory's events."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

type Event = Mapping[str, Any]

ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
_ENTERED, _EXITED = "StateEntered", "StateExited"
_ATTEMPT_FAILED = ("LambdaFunctionFailed", "LambdaFunctionTimedOut", "LambdaFunctionScheduleFailed", "TaskFailed")
_ITERATION_ENDED = ("MapIterationSucceeded", "MapIterationFailed", "MapIterationAborted")
_ATTEMPT_SUCCEEDED = ("LambdaFunctionSucceeded", "TaskSucceeded")


@dataclass
class Row:
    """One state with all its visits; times are service time.

    - `inside`: the Map that contains the state
    - `chosen`: the next state, if this one is a Choice
    - `errors`: the errors of failed attempts, in order
    - `error`: the error with which the state ended
    - `output`: its last output
    - `added`: the part of that output that was not in its input
    - `spans`: start and end of each finished visit
    - `entered_at`: start of each visit that is not finished
    """

    name: str
    kind: str
    inside: str | None
    visits: int = 0
    left: int = 0
    iterations: int = 0
    iterations_ended: int = 0
    chosen: str | None = None
    errors: list[str] = field(default_factory=list)
    error: str | None = None
    output: dict[str, Any] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    entered_at: list[datetime] = field(default_factory=list)

    @property
    def status(self) -> Literal["running", "failed", "done"]:
        if self.left < self.visits:
            return "running"
        return "failed" if self.error else "done"

    def seconds_until(self, now: datetime, of: Callable[[datetime], float] = datetime.timestamp) -> float:
        """Service seconds spent in the state, or seconds of the time that `of` tells; visits that go on included."""
        spans = [*self.spans, *((entered, now) for entered in self.entered_at)]
        return sum(max(0.0, of(end) - of(start)) for start, end in spans)

    def leave(self, moment: datetime) -> None:
        """End the visit that began first."""
        self.left += 1
        self.spans.append((self.entered_at.pop(0), moment))


class _Reader:
    """Reads events in order; each belongs to the state that the chain of its predecessors entered."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self._types: dict[int, str] = {}
        self._owners: dict[int, str] = {}
        self._inputs: dict[int, dict[str, Any]] = {}
        self._failing: dict[str, str] = {}
        self._map: str | None = None

    def read(self, event: Event) -> None:
        kind, previous = event["type"], event.get("previousEventId", 0)
        self._types[event["id"]] = kind
        self._owners[event["id"]] = self._owners.get(previous, "")
        self._inputs[event["id"]] = self._inputs.get(previous, {})
        if kind.endswith(_ENTERED):
            self._enter(event)
        elif kind.endswith(_EXITED):
            self._exit(event)
        elif kind in ENDS:
            self._end(event)
        else:
            self._note(kind, event)

    def _enter(self, event: Event) -> None:
        name, kind = event["stateEnteredEventDetails"]["name"], event["type"].removesuffix(_ENTERED)
        came_from = self.rows.get(self._owners[event["id"]])
        if came_from and self._types.get(event.get("previousEventId", 0)) == "ChoiceStateExited":
            came_from.chosen = name
        self._owners[event["id"]] = name
        self._inputs[event["id"]] = _object(event["stateEnteredEventDetails"].get("input"))
        row = self.rows.setdefault(name, Row(name, kind, inside=self._map))
        row.visits += 1
        row.error = None
        row.entered_at.append(event["timestamp"])
        if kind in ("Map", "Parallel") and self._map is None:
            self._map = name

    def _exit(self, event: Event) -> None:
        details = event["stateExitedEventDetails"]
        row = self.rows[details["name"]]
        self._owners[event["id"]] = row.name
        row.leave(event["timestamp"])
        row.error = self._failing.pop(row.name, None)
        row.output, given = _object(details.get("output")), self._inputs[event["id"]]
        row.added = {key: value for key, value in row.output.items() if key not in given or given[key] != value}
        if row.name == self._map:
            self._map = None
            self._leave_all(
                event["timestamp"], row.error, [one for one in self.rows.values() if one.inside == row.name]
            )

    def _end(self, event: Event) -> None:
        """End all running states when the execution ends."""
        failed = event["type"] != "ExecutionSucceeded"
        error = _details(event).get("error") or event["type"]
        self._leave_all(event["timestamp"], error if failed else None, self.rows.values())

    @staticmethod
    def _leave_all(now: datetime, error: str | None, table: Iterable[Row]) -> None:
        """End the running states, because a state that ends with its Map or execution has no exit event."""
        for row in table:
            if row.status == "running":
                row.error = error
                while row.entered_at:
                    row.leave(now)

    def _note(self, kind: str, event: Event) -> None:
        row = self.rows.get(self._owners[event["id"]])
        if row is None:
            return
        if kind in _ATTEMPT_FAILED:
            error = _details(event).get("error", kind)
            row.errors.append(error)
            self._failing[row.name] = error
        elif kind in _ATTEMPT_SUCCEEDED:
            self._failing.pop(row.name, None)
        elif kind == "MapStateStarted":
            row.iterations += _details(event)["length"]
        elif kind in _ITERATION_ENDED:
            self.rows[_details(event)["name"]].iterations_ended += 1
        elif kind == "MapStateFailed" and self._map:
            self._failing[self._map] = row.errors[-1] if row.errors else kind


def _details(event: Event) -> Mapping[str, Any]:
    """What an event says, under whatever name its type gives it."""
    return next((value for key, value in event.items() if key.endswith("EventDetails")), {})


def _object(document: str | None) -> dict[str, Any]:
    """A JSON document that is an object; empty for any other, for none and for a history without its data."""
    try:
        content = json.loads(document or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def rows(events: Iterable[Event]) -> list[Row]:
    """The states in the order in which they were first entered."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return list(reader.rows.values())


def settled(table: Sequence[Row]) -> int:
    """How many of the first rows are over: a loop begins with a Task, so a Task or Map after it ends it."""
    begun = [index for index, row in enumerate(table) if row.inside is None and row.kind not in ("Choice", "Wait")]
    return begun[-1] if begun else 0


def state_names(events: Iterable[Event]) -> list[str]:
    """The name of every state entered, inner states and repeats included, in order."""
    return [event["stateEnteredEventDetails"]["name"] for event in events if event["type"].endswith(_ENTERED)]


def dump(events: Sequence[Event]) -> str:
    """The events as a JSON document."""
    return json.dumps(events, indent=2, ensure_ascii=False, default=lambda moment: moment.isoformat())


def load(path: Path) -> list[Event]:
    """The events that `dump` wrote."""
    events = json.loads(path.read_text(encoding="utf-8"))
    return [event | {"timestamp": datetime.fromisoformat(event["timestamp"])} for event in events]
