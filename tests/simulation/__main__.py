"""The command: try faults, or replay one.

python -m tests.simulation faults --scenario first --limit 500 --seed 1 --processes 2
python -m tests.simulation replay first call=57 what=AccessDeniedException scope=once
python -m tests.simulation faults --world update_unseen --scenario takeover --limit 100
python -m tests.simulation points first
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from contextlib import nullcontext
from pathlib import Path

from tests.simulation.explorer import (
    Case,
    Explorer,
    Outcome,
    from_json,
    jittered,
    plan,
    points,
    replay,
    sampled,
    to_json,
)
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.worlds import BELIEVED, WORLDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    commands = parser.add_subparsers(dest="command", required=True)
    trying = commands.add_parser("faults", help="try faults and print what breaks")
    trying.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    trying.add_argument("--limit", type=int)
    trying.add_argument("--seed", type=int, default=0)
    trying.add_argument("--processes", type=int, default=1)
    trying.add_argument("--only", default="", help="only faults whose line or point has this text")
    trying.add_argument("--interleavings", type=int, default=0, help="run so many with random latencies instead")
    trying.add_argument(
        "--world", choices=list(WORLDS), default=BELIEVED, help="how AWS answers what is not documented"
    )
    trying.add_argument("--keep", type=Path, help="add every outcome to this file, one line of JSON each")
    trying.add_argument("--all-lines", action="store_true", help="print every case that breaks something")
    again = commands.add_parser("replay", help="tell the story of one case")
    again.add_argument("case", nargs="+")
    again.add_argument("--last", type=int, default=80, help="how many lines of the story")
    listing = commands.add_parser("points", help="list where faults may strike")
    listing.add_argument("scenario", choices=list(SCENARIOS))
    summing = commands.add_parser("summary", help="tell of what `faults --keep` has kept")
    summing.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    match given.command:
        case "faults":
            return _faults(given)
        case "replay":
            try:
                case = Case.parse(" ".join(given.case))
            except ValueError as error:
                parser.error(str(error))
            return _replay(case, given.last)
        case "summary":
            return _summary(given.files)
        case _:
            for point in points(given.scenario):
                print(point.at, point.number, point.what)
            print(len(plan(given.scenario)), "faults")
            return 0


def _replay(case: Case, last: int) -> int:
    trace, outcome = replay(case)
    print("\n".join(trace[-last:]))
    print(f"\n{case}\nended: {', '.join(outcome.endings)}\nstory: {outcome.digest}")
    for each in outcome.violations:
        print(each)
    return 1 if outcome.violations else 0


def _faults(given: argparse.Namespace) -> int:
    begun = time.monotonic()
    scenarios = given.scenario or [name for name, each in SCENARIOS.items() if each.share]
    with given.keep.open("a", buffering=1) if given.keep else nullcontext() as kept:

        def told(outcome: Outcome) -> None:
            if kept:
                kept.write(to_json(outcome) + "\n")

        chosen = (
            [] if given.interleavings else sampled(scenarios, given.limit, given.seed, given.only, world=given.world)
        )
        chosen += jittered(scenarios, given.interleavings, given.seed)
        outcomes = Explorer(given.processes, told).explore(chosen)
    _tell(outcomes, time.monotonic() - begun, everything=given.all_lines)
    return 1 if any(each.violations for each in outcomes) else 0


def _tell(outcomes: list[Outcome], seconds: float, *, everything: bool) -> None:
    print(table(outcomes))
    print(f"{len(outcomes)} cases in {seconds:.0f} s, {_mean(outcomes):.3f} s of CPU for each")
    for line in lines([each for each in outcomes if each.violations], everything=everything):
        print(line)


def _summary(files: list[Path]) -> int:
    kept = {each.case: each for file in files for each in map(from_json, file.read_text().splitlines())}
    _tell(list(kept.values()), 0.0, everything=False)
    return 0


def _mean(outcomes: list[Outcome]) -> float:
    return sum(each.seconds for each in outcomes) / max(1, len(outcomes))


def table(outcomes: list[Outcome]) -> str:
    """Faults by kind, and how many of each broke which promise."""
    kinds = sorted({each.kind for each in outcomes})
    promises = sorted({found.kind for each in outcomes for found in each.violations})
    counts = Counter((each.kind, kind) for each in outcomes for kind in {found.kind for found in each.violations})
    totals = Counter(each.kind for each in outcomes)
    rows = [["fault", "n", *promises]]
    rows += [[kind, str(totals[kind]), *(str(counts[kind, each]) for each in promises)] for kind in kinds]
    sums = [str(sum(counts[kind, each] for kind in kinds)) for each in promises]
    rows.append(["all", str(len(outcomes)), *sums])
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:]))


def lines(broken: list[Outcome], *, everything: bool = False) -> list[str]:
    """One case for each thing that breaks at each place."""
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for each in broken:
        for violation in each.violations:
            found[str(violation), each.where].append(each)
    told, last = list[str](), ""
    for (what, where), cases in sorted(found.items()):
        if what != last:
            told.append(f"\n{what}")
            last = what
        told += [f"  {len(cases):4}  at {where}: {each.case}" for each in (cases if everything else cases[:1])]
    return told


if __name__ == "__main__":
    sys.exit(main())
