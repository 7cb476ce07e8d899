"""Runs whose limit is tight, by base model, deployment, fault and speed: what they were estimated at and cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import pytest

from local.bedrock import deployments, runtime, throughput
from tests.simulation import checker
from tests.simulation.bills import Bill, billed, estimate_of, planned
from tests.simulation.scenarios import dataset, evaluation, run_until_ended
from tests.simulation.world import World, simulated
from tests.template import DATASETS

MICRO, LITE = "amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k"
NOVA_2, LLAMA = "amazon.nova-2-lite-v1:0:256k", "meta.llama3-1-70b-instruct-v1:0:128k"
# What the catalog does not know, and the region of each.
PRICES = {MICRO: {"provisioned_per_hour": 20}, LLAMA: {"training_per_1k_tokens": 0.003}}
RECORDS = 210
# How many times slower than usual models answer; endpoints come up half as fast at most.
SPEEDS = (1.0, 2.0, 70.0)
FAULTS = (
    "",
    "quota-create-deployment:always",
    "endpoint-never-ready:2=1.2",
    "endpoint-fails",
    "slow:always",
    "throttle-converse:200",
    "internal-error-converse:30",
    "refusals:always",
    "throttle-delete-throughput:3",
    "conflict-delete-throughput:2",
    "update-fails",
)


@dataclass(frozen=True)
class Row:
    """One run."""

    model: str
    deployment: str
    fault: str = ""
    speed: float = 1.0
    limit: float = 0.0
    units: int = 1

    def __str__(self) -> str:
        units = f" {self.units} units" if self.units > 1 else ""
        return f"{self.model} {self.deployment}{units} {self.fault or 'well'} x{self.speed:g} ${self.limit:g}"

    @property
    def settings(self) -> str:
        return json.dumps(
            {
                "base_model": self.model,
                "deployment": self.deployment,
                "model_units": self.units,
                "prices": PRICES.get(self.model, {}),
                "budget": {"limit_usd": self.limit, "service_usd_per_month": 100_000},
            }
        )


@dataclass(frozen=True)
class Spent:
    """What came of a row: how the run was told of, what it was estimated at and what it cost."""

    subject: str
    bill: Bill
    likely: float
    most: float
    limit: float
    expected_hours_usd: float


# What each run may cost at most, and a little more.
LIMITS: Mapping[tuple[str, str], float] = {
    (MICRO, "on_demand"): 1.9,
    (MICRO, "provisioned"): 43,
    (LITE, "on_demand"): 2.2,
    (LITE, "provisioned"): 222,
    (NOVA_2, "on_demand"): 2.5,
    (NOVA_2, "provisioned"): 125,
    (LLAMA, "provisioned"): 54,
}
# The same with two model units; the hours that a run may take cost twice as much.
OF_TWO_UNITS: Mapping[str, float] = {MICRO: 83, LLAMA: 102}
HOURS = {MICRO: 20, LITE: 108.15, NOVA_2: 60.5, LLAMA: 24}


def rows(*, every: bool) -> list[Row]:
    """All combinations; where a quota leaves throughput only, the limit pays for it, or for less than it takes."""
    found = list[Row]()
    for ((model, deployment), limit), fault, speed in product(LIMITS.items(), FAULTS, SPEEDS):
        more = (1.9, 2.9, 4.9) if fault.startswith("quota") else (0,)
        found += [Row(model, deployment, fault, speed, limit + hours * HOURS[model]) for hours in more]
    doubled = [
        Row(model, "provisioned", fault, speed, limit + 2 * hours * HOURS[model], units=2)
        for (model, limit), fault, speed in product(OF_TWO_UNITS.items(), FAULTS, SPEEDS[:2])
        for hours in ((2.9, 4.9) if fault.startswith("quota") else (0,))
    ]
    return [*found, *doubled] if every else [*found[::12], *doubled[::24]]


def spent(row: Row) -> Spent:
    """Let a row's run end, and look at the books."""
    with simulated(job_minutes=90) as world, pytest.MonkeyPatch.context() as patched:
        for module in (throughput, deployments):
            patched.setattr(module, "READY_MINUTES", module.READY_MINUTES * min(row.speed, 2))
        patched.setattr(runtime, "LATENCY_SECONDS", runtime.LATENCY_SECONDS * row.speed)
        world.bedrock.state.any_region = True
        _begin(world, row)
        run_until_ended(world)
        assert checker.settled(world) == []
        return _spent(world)


def _begin(world: World, row: Row) -> None:
    world.s3.put(DATASETS, "projects/stations/settings.yaml", row.settings.encode())
    world.s3.put(DATASETS, "projects/stations/evaluation.jsonl", evaluation())
    if row.fault:
        world.bedrock.faults.inject(row.fault)
    world.drop("stations", dataset(0, RECORDS), "dataset.jsonl")


def _spent(world: World) -> Spent:
    [run] = planned(world)
    estimate = estimate_of(world, run)
    assert estimate
    hours = sum(line.usd or 0 for line in estimate.lines if line.unit == "started hour")
    return Spent(
        subject=world.topic.mails[-1].subject if world.topic.mails else "",
        bill=billed(world),
        likely=estimate.total_usd,
        most=estimate.most_usd,
        limit=run.settings.budget.limit_usd,
        expected_hours_usd=hours,
    )
