"""The plan of a run, and what starts one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.run import Ceilings, DatasetDropped
from finetune.settings import Budget, Settings
from tests.evaluating import run

DROPPED = {"bucket": "datasets", "key": "incoming/a.jsonl", "version_id": "1", "event_time": "2026-11-21T09:14:31Z"}


def test_a_file_of_a_run_lies_in_its_folder() -> None:
    assert run().uri("staged/training.jsonl") == f"{run().folder}/staged/training.jsonl"


@pytest.mark.parametrize("wrong", [{"attempt": 0}, {"attempt": 100}, {"version_id": ""}, {"key": ""}, {"bucket": "a"}])
def test_what_no_event_can_say_starts_nothing(wrong: dict[str, object]) -> None:
    assert DatasetDropped.model_validate(DROPPED).dataset.uri == "s3://datasets/incoming/a.jsonl"
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DatasetDropped.model_validate(DROPPED | wrong)


@pytest.mark.parametrize(
    ("ceilings", "limit", "service", "named"),
    [
        (Ceilings(), 500, 90_000, "budget.limit_usd"),
        (Ceilings(usd_per_run=1000, service_usd_per_month=100_000), 500, 90_000, "budget.limit_usd"),
        (Ceilings(usd_per_run=20, service_usd_per_month=0), 20, 0, "the stack's parameter MostUsdPerRun"),
    ],
)
def test_no_settings_reach_beyond_what_the_stack_allows(
    ceilings: Ceilings, limit: float, service: float, named: str
) -> None:
    wanted = Settings.model_validate({"budget": {"limit_usd": 500, "service_usd_per_month": 90_000}})
    bounded = ceilings.over(wanted)
    assert (bounded.budget.limit_usd, bounded.budget.service_usd_per_month) == (limit, service)
    assert run().model_copy(update={"settings": bounded, "ceilings": ceilings}).limit_name == named


@pytest.mark.parametrize(
    ("ceiling", "price", "asked"),
    [(20_000, 20.0, True), (10_000, 20.0, False), (20_000, None, False), (None, 20.0, False)],
)
def test_a_person_is_asked_about_a_known_price_that_the_stack_allows(
    ceiling: float | None, price: float | None, *, asked: bool
) -> None:
    settings = Settings.model_validate({"deployment": "provisioned", "prices": {"provisioned_per_hour": price}})
    planned = run().model_copy(update={"settings": settings, "ceilings": Ceilings(service_usd_per_month=ceiling)})
    assert planned.service_is_asked is asked
    agreed = settings.model_copy(update={"budget": Budget(service_usd_per_month=14_600)})
    assert not planned.model_copy(update={"settings": agreed}).service_is_asked
