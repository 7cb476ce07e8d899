"""The points of a run at which a fault may strike, and the faults that each may suffer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from tests.simulation.faults import BUSY, DEATHS, DENIED, LAMBDA, LAMBDA_AFTER, NETWORK, STOPS, Fault
from tests.simulation.functions import Invocation
from tests.simulation.machines import EVENTS
from tests.simulation.wire import declared

OUTAGES = ("180", "600", "18000")
DELAYS = (0.0, 0.9, 6.0)
# Breaks of the network after which the work is done all the same; one after the other they would do it again and again.
WORK_DONE = ("lost", "late", "cut")
# A redrive before and after Clean Up Run has done its work.
REDRIVES = (0.3, 300.0)


@dataclass(frozen=True)
class Point:
    """Where a fault may strike: a call, an invocation or a state.

    It is `stoppable` while an execution waits for it; `calls` is the number of the last call until then.
    """

    at: str
    number: int
    what: str
    stoppable: bool
    calls: int

    def __str__(self) -> str:
        return self.what

    @classmethod
    def of(cls, at: str, number: int, what: str, invocation: Invocation | None, calls: int) -> Self:
        running = invocation is None or (invocation.execution is not None and invocation.execution.running)
        return cls(at, number, what, running, calls)


def variants(point: Point) -> Iterator[Fault]:
    """Every fault that a point may suffer."""
    match point.at:
        case "state":
            yield from _stops(point, (0.0,))
        case "invoke":
            yield from _invocations(point)
        case _:
            if point.stoppable:
                yield from _stops(point, DELAYS)
            yield from _calls(point)


def _stops(point: Point, delays: tuple[float, ...]) -> Iterator[Fault]:
    for delay in delays:
        for event in EVENTS if point.at == "state" else ("ok", "lost", "doubled", "late"):
            yield Fault(point.at, point.number, "abort", delay=delay, event=event)
        yield Fault(point.at, point.number, "time-out", delay=delay)
    for seconds in REDRIVES:
        yield Fault(point.at, point.number, "abort", redrive=seconds)
    assert set(STOPS) == {"abort", "time-out"}


def _invocations(point: Point) -> Iterator[Fault]:
    for what in LAMBDA:
        for scope in ("once", "thrice", "function", *OUTAGES):
            yield Fault("invoke", point.number, what, scope)
    for what in LAMBDA_AFTER:
        for scope in ("once", "thrice"):
            yield Fault("invoke", point.number, what, scope)


def _calls(point: Point) -> Iterator[Fault]:
    _, service, operation = point.what.split()
    outages = (*OUTAGES, "function")
    for what in (*BUSY, *sorted({*DENIED, *declared(service, operation)} - {*BUSY})):
        for scope in ("once", "invocation", *outages):
            yield Fault("call", point.number, what, scope)
    for what in NETWORK if operation == "GetObject" else NETWORK[:-1]:
        for scope in ("once", "invocation", *(outages if what not in WORK_DONE else ())):
            yield Fault("call", point.number, what, scope)
    for what in DEATHS:
        yield Fault("call", point.number, what)
