"""The history of an execution, spelled as GetExecutionHistory spells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.simulation.values import RUNTIME, Failure

MAX_EVENTS = 25_000


class Event(NamedTuple):
    """One event; `previous` is the id of the event before it in the same branch, 0 at the start."""

    type: str
    details: dict[str, Any]
    id: int
    previous: int
    at: datetime


class HistoryFull(Failure):
    """The history has as many events as AWS keeps."""


@dataclass
class Branch:
    """The place of an execution, an iteration or a parallel branch in the history: the id of its last event."""

    last: int = 0


@dataclass
class History:
    """The events so far, over all redrives, and the top-level state entered last, with its input."""

    events: list[Event] = field(default_factory=list)
    state: str | None = None
    input: Any = None
    redrives: int = 0

    def add(self, branch: Branch, at: datetime, event: str, **details: Any) -> int:
        """Add an event and return its id; HistoryFull when only the event that ends the execution has room."""
        if len(self.events) >= MAX_EVENTS - 1:
            cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            raise HistoryFull(RUNTIME, cause)
        return self.end(at, event, branch, **details)

    def end(self, at: datetime, event: str, branch: Branch | None = None, **details: Any) -> int:
        """Add an event without looking at the bound: the one that ends the execution."""
        number = len(self.events) + 1
        previous = branch.last if branch else number - 1
        self.events.append(Event(event, details, number, previous, at))
        if branch:
            branch.last = number
        return number

    def listed(self) -> list[tuple[str, dict[str, Any]]]:
        """The type and the details of each event."""
        return [(event.type, event.details) for event in self.events]

    def records(self, spelled: Callable[[datetime], Any] = lambda at: at) -> list[dict[str, Any]]:
        """The events as the API answers them."""
        return [
            {"id": event.id, "previousEventId": event.previous, "timestamp": spelled(event.at), "type": event.type}
            | ({_details_of(event.type): event.details} if event.details else {})
            for event in self.events
        ]


def _details_of(event: str) -> str:
    for suffix in ("StateEntered", "StateExited"):
        if event.endswith(suffix):
            return f"s{suffix[1:]}EventDetails"
    return f"{event[0].lower()}{event[1:]}EventDetails"
