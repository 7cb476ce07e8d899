"""Tries faults: one run without any, and at each point where one may strike a fork that suffers it and goes on."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import signal
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.simulation import checker
from tests.simulation.checker import Violation
from tests.simulation.faults import Fault, parse
from tests.simulation.functions import Invocation
from tests.simulation.points import Point, variants
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World, simulated

# A fork that has not ended by then never will.
WATCHDOG_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """A scenario with what it suffers; its text replays it."""

    scenario: str
    faults: tuple[Fault, ...] = ()
    jitter: int | None = None

    def __str__(self) -> str:
        jitter = f" jitter={self.jitter}" if self.jitter is not None else ""
        return f"{self.scenario}{jitter} {' + '.join(map(str, self.faults))}".strip()

    @classmethod
    def parse(cls, text: str) -> Case:
        """The case of a line."""
        scenario, _, rest = text.strip().partition(" ")
        jitter = re.search(r"\bjitter=(\d+)", rest)
        return cls(scenario, tuple(parse(rest)), int(jitter[1]) if jitter else None)


@dataclass(frozen=True)
class Outcome:
    """What a case came to; `where` is the point of its first fault, `digest` that of its story."""

    case: str
    kind: str
    where: str
    violations: tuple[Violation, ...]
    endings: tuple[str, ...]
    digest: str
    seconds: float


@dataclass
class _Child:
    case: Case
    where: str
    pid: int
    pipe: int
    kind: str = ""


def replay(case: Case) -> tuple[list[str], Outcome]:
    """The story of a case and what it came to."""
    with _world(case) as world:
        _begin(world, case)
        for fault in case.faults:
            world.faults.add(fault)
        begun = time.process_time()
        found = _settled(world)
        return world.trace, _outcome(world, case, "", found, time.process_time() - begun)


def _world(case: Case) -> Any:
    minutes = SCENARIOS[case.scenario].job_minutes
    return simulated(case.jitter or 0, jitter=case.jitter is not None, job_minutes=minutes)


def _begin(world: World, case: Case) -> None:
    scenario = SCENARIOS[case.scenario]
    scenario.before(world)
    world.mark()
    scenario.begin(world)


def _settled(world: World) -> list[Violation]:
    try:
        return checker.settled(world)
    except Exception:  # noqa: BLE001 - whatever breaks the simulation is told like what breaks the product
        return [Violation("defect", traceback.format_exc(limit=-3))]


def _outcome(world: World, case: Case, where: str, found: Sequence[Violation], seconds: float) -> Outcome:
    endings = tuple(f"{each.status} {each.error or each.states[-1:]}" for each in world.executions)
    digest = hashlib.sha256("\n".join(world.trace).encode()).hexdigest()[:16]
    kind = kind_of(case.faults[0]) if case.faults else "none"
    return Outcome(str(case), kind, where, tuple(found), endings, digest, seconds)


def points(scenario: str) -> list[Point]:
    """Every point of a run without faults."""
    case, found = Case(scenario), list[Point]()
    with _world(case) as world:
        _begin(world, case)
        world.at_point = lambda at, number, what, invocation: found.append(Point.of(at, number, what, invocation))
        left = checker.settled(world)
    if left:
        raise AssertionError(f"{scenario} without a fault: {', '.join(map(str, left))}")
    return found


def plan(scenario: str) -> list[tuple[Point, Fault]]:
    """Every fault that may strike a run, at points that differ."""
    return [(point, fault) for point in thinned(points(scenario)) for fault in variants(point)]


def thinned(found: Sequence[Point], most: int = 5) -> list[Point]:
    """Of points that do the same many times, a few from the first to the last."""
    alike: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in found:
        alike[point.at, point.what].append(point)
    kept = list[Point]()
    for same in alike.values():
        step = max(1.0, (len(same) - 1) / (most - 1))
        kept += [same[round(number * step)] for number in range(min(most, len(same)))]
    return sorted(kept, key=lambda point: (point.at, point.number))


def sampled(scenarios: Sequence[str], limit: int | None, seed: int) -> dict[str, list[tuple[Point, Fault]]]:
    """A share of all faults by seed, as many of each scenario as it has of all."""
    everything = [(name, *each) for name in scenarios for each in plan(name)]
    chance = random.Random(seed)  # noqa: S311 - a choice that can be repeated
    chosen = everything if limit is None or limit >= len(everything) else chance.sample(everything, limit)
    found: dict[str, list[tuple[Point, Fault]]] = {name: [] for name in scenarios}
    for name, point, fault in chosen:
        found[name].append((point, fault))
    return found


@dataclass
class Explorer:
    """Runs a scenario once and forks at every point where a fault was chosen."""

    scenario: str
    processes: int = 1
    outcomes: list[Outcome] = field(default_factory=list)
    _children: list[_Child] = field(default_factory=list)
    _mine: tuple[Case, str, int, float] | None = None

    def explore(self, chosen: Sequence[tuple[Point, Fault]]) -> list[Outcome]:
        """The outcomes of the chosen faults."""
        by_point: dict[tuple[str, int], list[tuple[Point, Fault]]] = defaultdict(list)
        for point, fault in chosen:
            by_point[point.at, point.number].append((point, fault))
        case = Case(self.scenario)
        with _world(case) as world:
            _begin(world, case)
            gc.collect()
            gc.freeze()

            def at_point(at: str, number: int, what: str, invocation: Invocation | None) -> None:
                del what, invocation
                for point, fault in by_point.get((at, number), ()):
                    if self._fork(world, point, fault):
                        return

            world.at_point = at_point
            found = _settled(world)
            if self._mine:
                self._tell(world, found)
        while self._children:
            self._collect()
        return self.outcomes

    def _fork(self, world: World, point: Point, fault: Fault) -> bool:
        """Whether this process is the one that suffers the fault."""
        while len(self._children) >= self.processes:
            self._collect()
        case = Case(self.scenario, (fault,))
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid:
            os.close(theirs)
            self._children.append(_Child(case, str(point), pid, ours, kind_of(fault)))
            return False
        os.close(ours)
        signal.alarm(WATCHDOG_SECONDS)
        self._mine = case, str(point), theirs, time.process_time()
        world.at_point = lambda *_: None
        world.faults.add(fault)
        return True

    def _tell(self, world: World, found: Sequence[Violation]) -> None:
        """Send what became of this process's case, and end."""
        assert self._mine
        case, where, pipe, since = self._mine
        try:
            outcome = _outcome(world, case, where, found, time.process_time() - since)
            with os.fdopen(pipe, "w") as out:
                out.write(json.dumps(asdict(outcome)))
        finally:
            os._exit(0)

    def _collect(self) -> None:
        """Wait for the oldest fork and keep what it says."""
        child = self._children.pop(0)
        with os.fdopen(child.pipe) as given:
            text = given.read()
        os.waitpid(child.pid, 0)
        if not text:
            lost = (Violation("defect", "the simulation died or did not end"),)
            self.outcomes.append(Outcome(str(child.case), child.kind, child.where, lost, (), "", 0.0))
            return
        told = json.loads(text)
        found = tuple(Violation(**each) for each in told.pop("violations"))
        endings = tuple(told.pop("endings"))
        self.outcomes.append(Outcome(**told, violations=found, endings=endings))


def kind_of(fault: Fault) -> str:
    """The kind of a fault, for tables."""
    from tests.simulation.faults import BUSY, DEATHS, NETWORK, STOPS  # noqa: PLC0415

    if fault.what in STOPS:
        return "redrive" if fault.redrive is not None else fault.what
    if fault.at == "invoke":
        return "Lambda service"
    kinds = {"busy": BUSY, "network": NETWORK, "death": DEATHS}
    return next((name for name, codes in kinds.items() if fault.what in codes), "refusal")


def explored(chosen: dict[str, list[tuple[Point, Fault]]], processes: int) -> Iterator[Outcome]:
    """The outcomes of all chosen faults, scenario by scenario."""
    for scenario, faults in chosen.items():
        if faults:
            yield from Explorer(scenario, processes).explore(faults)
