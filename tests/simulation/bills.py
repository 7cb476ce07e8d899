"""What the runs of a world have cost by the emulator's books, in started hours and whole months as it is agreed to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.aws.publication import Published
from finetune.aws.tags import RUN_TAG
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.run import Run
from local.bedrock.ledger import EndpointLine, Ledger, ledger
from tests.template import ARTIFACTS

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(frozen=True)
class Bill:
    """USD for all runs of a world; `by_the_hour` is what throughput cost that never was in service."""

    training: float
    storage: float
    tokens: float
    by_the_hour: float

    @property
    def total(self) -> float:
        return self.training + self.storage + self.tokens + self.by_the_hour


def planned(world: World) -> list[Run]:
    """The plans of all runs."""
    keys = [key for key in world.s3.keys(ARTIFACTS, "runs/") if key.endswith("/plan.json")]
    plans = [{name: value for name, value in world.artifact(key).items() if name != "schema"} for key in keys]
    return [Run.model_validate(each) for each in plans]


def estimate_of(world: World, run: Run) -> cost.CostEstimate | None:
    """What a run was estimated to cost; None when it did not come that far."""
    told = world.artifact(run.uri("cost.json").removeprefix(f"s3://{ARTIFACTS}/"))
    return cost.CostEstimate.model_validate(told) if told else None


def billed(world: World) -> Bill:
    """What all runs of a world have cost until now; a model is stored for a month."""
    books, runs = ledger(world.bedrock), planned(world)
    return Bill(
        training=sum(_training(books, run) for run in runs),
        storage=sum(
            _price(run, "storage_per_month") for run in runs for each in books.models if run.run_id in each.name
        ),
        tokens=sum(each.usd or 0.0 for each in books.billed_usd if each.unit == "tokens" and each.item != "training"),
        by_the_hour=sum(
            started_hours(each) * _price(run, "provisioned_per_hour")
            for run in runs
            for each in unserved(world, books)
            if each.tags.get(RUN_TAG) == run.run_id
        ),
    )


def unserved(world: World, books: Ledger) -> Iterator[EndpointLine]:
    """Throughput that never was in service; once it is, its hours belong to another limit."""
    served = {
        Published.model_validate_json(each.value).endpoint_arn
        for versions in world.parameters.history.values()
        for each in versions
    }
    yield from (each for each in books.endpoints if each.kind == "throughput" and each.arn not in served)


def started_hours(line: EndpointLine) -> int:
    return math.ceil(line.hours) * line.units


def _training(books: Ledger, run: Run) -> float:
    tokens = sum(each.tokens for each in books.jobs if run.run_id in each.name)
    return tokens / 1000 * _price(run, "training_per_1k_tokens")


def _price(run: Run, name: str) -> float:
    """The price that the run was planned with; what nobody knows is not free."""
    found = cost.price(base_model(run.settings.base_model), run.settings.prices, name)
    return math.inf if found is None else found
