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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, zip_longest
from typing import Any

from tests.simulation import checker
from tests.simulation.checker import Violation
from tests.simulation.faults import BUSY, DEATHS, DENIED, NETWORK, STOPS, Fault, parse
from tests.simulation.functions import Invocation
from tests.simulation.machines import EVENTS
from tests.simulation.points import Point, variants
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import World, simulated
from tests.simulation.worlds import BELIEVED, WORLDS

# A fork that has not ended by then never will.
WATCHDOG_SECONDS = 300
# How far behind the first fault a second one may strike.
MOST_CALLS_BETWEEN = 60
# An outage that is longer sees the sweeper come again and again.
LONG_SECONDS = 3600


@dataclass(frozen=True)
class Case:
    """A scenario with what it suffers; its text replays it."""

    scenario: str
    faults: tuple[Fault, ...] = ()
    jitter: int | None = None
    world: str = BELIEVED

    def __str__(self) -> str:
        world = f" world={self.world}" if self.world != BELIEVED else ""
        jitter = f" jitter={self.jitter}" if self.jitter is not None else ""
        return f"{self.scenario}{world}{jitter} {' + '.join(map(str, self.faults))}".strip()

    @classmethod
    def parse(cls, text: str) -> Case:
        """The case of a line."""
        scenario, _, rest = text.strip().partition(" ")
        if scenario not in SCENARIOS:
            raise ValueError(f"There is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}.")
        about = re.match(r"(?:world=(\w+)\s*)?(?:jitter=(\d+)\s*)?", rest)
        assert about
        world, jitter = about.groups()
        if world not in {None, *WORLDS}:
            raise ValueError(f"There is no world {world!r}; there are {', '.join(WORLDS)}.")
        return cls(scenario, tuple(parse(rest[about.end() :])), int(jitter) if jitter else None, world or BELIEVED)


@dataclass(frozen=True)
class Outcome:
    """What a case came to; `where` is the point of its first fault, `digest` that of its story, `mails` subjects."""

    case: str
    kind: str
    violations: tuple[Violation, ...]
    endings: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    digest: str = ""
    where: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class _Child:
    """A fork; `pipe` is where it tells its outcome, `since` its CPU seconds when it began."""

    case: Case
    where: str
    pid: int
    pipe: int
    since: float = 0.0


def replay(case: Case) -> tuple[list[str], Outcome]:
    """The story of a case and what it came to."""
    world, outcome = lived(case)
    return world.trace, outcome


def lived(case: Case) -> tuple[World, Outcome]:
    """The world of a case after all has happened, and what it came to."""
    with _world(case) as world:
        _begin(world, case)
        world.faults.waiting += case.faults
        found = _settled(world)
        return world, _outcome(world, case, found)


def _world(case: Case) -> Any:
    minutes = SCENARIOS[case.scenario].job_minutes
    return simulated(case.jitter or 0, jitter=case.jitter is not None, job_minutes=minutes, world=case.world)


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


def _outcome(world: World, case: Case, found: Sequence[Violation]) -> Outcome:
    endings = tuple(f"{each.status} {each.error or each.states[-1:]}" for each in world.executions)
    digest = hashlib.sha256("\n".join(world.trace).encode()).hexdigest()[:16]
    mails = tuple(mail.subject for mail in world.topic.mails)
    return Outcome(str(case), kind_of(case), tuple(found), endings, mails, digest)


def points(scenario: str, world_name: str = BELIEVED) -> list[Point]:
    """Every point of a run without faults."""
    case, found = Case(scenario, world=world_name), list[Point]()
    with _world(case) as world:
        _begin(world, case)

        def at_point(at: str, number: int, what: str, invocation: Invocation | None) -> None:
            found.append(Point.of(at, number, what, invocation, world.calls))

        world.at_point = at_point
        left = checker.settled(world)
    if left:
        raise AssertionError(f"{scenario} without a fault: {', '.join(map(str, left))}")
    return found


@dataclass(frozen=True)
class Chosen:
    """A case and the point of its first fault; None where a case has none and is run from its beginning."""

    case: Case
    point: Point | None = None

    @property
    def where(self) -> str:
        return str(self.point) if self.point else "interleaving"


def plan(scenario: str, world: str = BELIEVED, since: str = "") -> list[Chosen]:
    """Every single fault that may strike a run, at points that differ, once it has entered the state `since`."""
    found = points(scenario, world)
    first = next(number for number, each in enumerate(found) if not since or (each.at, each.what) == ("state", since))
    kept = thinned(found[first:])
    return [Chosen(Case(scenario, (fault,), world=world), point) for point in kept for fault in variants(point)]


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


def sampled(
    scenarios: Sequence[str],
    limit: int | None,
    seed: int,
    only: str = "",
    doubles: float = 0.05,
    world: str = BELIEVED,
) -> list[Chosen]:
    """A share of all faults by seed, spread; `doubles` is how many of these suffer one more fault a little later."""
    chance = random.Random(seed)  # noqa: S311 - a choice that can be repeated
    shares = {name: SCENARIOS[name].share for name in scenarios}
    chosen, tried = list[Chosen](), set[tuple[str, str]]()
    for name, share in shares.items():
        planned = plan(name, world, SCENARIOS[name].since if limit is not None else "")
        found = [each for each in planned if not only or only in f"{each.case} {each.where}"]
        most = len(found) if limit is None else round(limit * share / max(1, sum(shares.values())))
        chosen += spread(found, most, chance, tried)
    return [doubled(each, chance) if chance.random() < doubles else each for each in chosen]


def spread(found: Sequence[Chosen], most: int, chance: random.Random, tried: set[tuple[str, str]]) -> list[Chosen]:
    """So many faults: one of each kind at each function and operation before a second, and rather the cheap ones.

    What no scenario before has `tried` comes first, and is added to it.
    """
    last = max((each.point.number for each in found if each.point), default=1)
    alike: dict[tuple[str, str], list[Chosen]] = defaultdict(list)
    for each in sorted(found, key=lambda each: chance.random() ** _cost(each, last), reverse=True):
        alike[each.where, kind_of(each.case)].append(each)
    order = sorted(alike, key=lambda key: (key in tried, chance.random()))
    rounds = zip_longest(*(alike[key] for key in order))
    chosen = list(islice((each for turn in rounds for each in turn if each), most))
    tried.update((each.where, kind_of(each.case)) for each in chosen)
    return chosen


def _cost(chosen: Chosen, last: int) -> float:
    """About what a fault takes of a whole run's CPU: what comes after its point, and sweeps while it lasts."""
    assert chosen.point
    fault = chosen.case.faults[0]
    if fault.scope == "function" or (fault.scope[0].isdigit() and float(fault.scope) > LONG_SECONDS):
        # A model that has no room is asked again for hours, which is seconds of CPU.
        return 6.0 if "bedrock-runtime" in chosen.where else 2.0
    return 1.1 - chosen.point.number / last


def _lasts(chosen: Chosen) -> bool:
    """Whether the first fault is there for ever: nobody then mends what a second one breaks."""
    return chosen.case.faults[0].scope == "function"


def doubled(chosen: Chosen, chance: random.Random) -> Chosen:
    """The same case with a second fault at one of the next calls."""
    assert chosen.point
    if _lasts(chosen):
        return chosen
    call = chosen.point.calls + chance.randint(1, MOST_CALLS_BETWEEN)
    what = chance.choice([*BUSY, *DENIED, *NETWORK[:-1], *DEATHS])
    scope = chance.choice(("once", "invocation", "600", "18000")) if what in BUSY else "once"
    return replace(chosen, case=replace(chosen.case, faults=(*chosen.case.faults, Fault("call", call, what, scope))))


def jittered(scenarios: Sequence[str], number: int, seed: int) -> list[Chosen]:
    """Runs in which everything takes a random time, half of them with a stop at a random state."""
    chance = random.Random(seed)  # noqa: S311 - a choice that can be repeated
    found = list[Chosen]()
    for each in range(number):
        name = scenarios[each % len(scenarios)]
        state = chance.randint(1, 150)
        stop = (Fault("state", state, chance.choice(list(STOPS)), event=chance.choice(list(EVENTS))),)
        found.append(Chosen(Case(name, stop if each % 2 else (), jitter=seed * 1000 + each)))
    return found


@dataclass
class Explorer:
    """Runs scenarios and forks where a case begins to differ; `told` hears of each outcome as it comes."""

    processes: int = 1
    told: Callable[[Outcome], object] = lambda _: None
    outcomes: list[Outcome] = field(default_factory=list)
    _children: list[_Child] = field(default_factory=list)
    _mine: _Child | None = None

    def explore(self, chosen: Sequence[Chosen]) -> list[Outcome]:
        """The outcomes of the chosen cases."""
        for without in dict.fromkeys(replace(each.case, faults=()) for each in chosen if each.point):
            alike = [each for each in chosen if each.point and replace(each.case, faults=()) == without]
            self._from_points(alike, without)
        whole = [each for each in chosen if not each.point]
        for scenario in dict.fromkeys(each.case.scenario for each in whole):
            replay(Case(scenario))  # so that no fork has to make clients and statistics anew
        for each in whole:
            if self._fork(each):
                self._tell(*replay(each.case)[1:])
        while self._children:
            self._collect()
        return self.outcomes

    def _from_points(self, chosen: Sequence[Chosen], without: Case) -> None:
        """Run a case without faults once, and fork at the points of its cases."""
        by_point: dict[tuple[str, int], list[Chosen]] = defaultdict(list)
        for each in chosen:
            assert each.point
            by_point[each.point.at, each.point.number].append(each)
        with _world(without) as world:
            _begin(world, without)
            gc.collect()
            gc.freeze()

            def at_point(at: str, number: int, what: str, invocation: Invocation | None) -> None:
                del what, invocation
                for each in by_point.get((at, number), ()):
                    if self._fork(each):
                        world.at_point = lambda *_: None
                        world.faults.waiting += each.case.faults
                        return

            world.at_point = at_point
            found = _settled(world)
            if self._mine:
                self._tell(_outcome(world, self._mine.case, found))

    def _fork(self, chosen: Chosen) -> bool:
        """Whether this process is the one that goes on with the case."""
        while len(self._children) >= self.processes:
            self._collect()
        ours, theirs = os.pipe()
        state = random.getstate()
        pid = os.fork()
        random.setstate(state)  # which Python seeds anew in a fork
        if pid:
            os.close(theirs)
            self._children.append(_Child(chosen.case, chosen.where, pid, ours))
            return False
        os.close(ours)
        gc.disable()  # it lives for a moment, and collecting copies the pages that it shares
        signal.alarm(WATCHDOG_SECONDS)
        self._mine = _Child(chosen.case, chosen.where, 0, theirs, time.process_time())
        return True

    def _tell(self, outcome: Outcome) -> None:
        """Send what became of this process's case, and end."""
        assert self._mine
        told = replace(outcome, where=self._mine.where, seconds=time.process_time() - self._mine.since)
        try:
            with os.fdopen(self._mine.pipe, "w") as out:
                out.write(to_json(told))
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
            outcome = Outcome(str(child.case), kind_of(child.case), lost, where=child.where)
        else:
            outcome = from_json(text)
        self.outcomes.append(outcome)
        self.told(outcome)


def to_json(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome))


def from_json(text: str) -> Outcome:
    told = json.loads(text)
    told["violations"] = tuple(Violation(**each) for each in told["violations"])
    told["endings"], told["mails"] = tuple(told["endings"]), tuple(told["mails"])
    return Outcome(**told)


def kind_of(case: Case) -> str:
    """The kind of a case, for tables."""
    if case.jitter is not None:
        return "interleaving"
    if len(case.faults) != 1:
        return "two faults" if case.faults else "none"
    fault = case.faults[0]
    if fault.what in STOPS:
        return "redrive" if fault.redrive is not None else fault.what
    if fault.at == "invoke":
        return "Lambda service"
    kinds = {"busy": BUSY, "network": NETWORK, "death": DEATHS}
    return next((name for name, codes in kinds.items() if fault.what in codes), "refusal")
