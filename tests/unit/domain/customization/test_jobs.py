"""Names, tokens, hyperparameters, waits: the pure rules of a customization job."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetune.domain import catalog
from finetune.domain.customization import jobs
from finetune.domain.customization.projects import execution_name, project_slug
from finetune.errors import SettingsInvalid

EVENT_TIME = datetime(2026, 11, 21, 10, 30, 5, tzinfo=UTC)
MODEL = botocore.session.get_session().get_service_model("bedrock")


def pattern(shape: str) -> tuple[str, int]:
    metadata = MODEL.shape_for(shape).metadata
    return metadata["pattern"], metadata.get("max", 2048)


@given(st.text(min_size=1, max_size=300), st.integers(1, 8))
def test_every_name_and_token_fits_every_pattern_of_bedrock(project: str, candidate: int) -> None:
    run = jobs.run_id(bucket="b", key=project, version_id="v", event_time=EVENT_TIME)
    name = jobs.resource_name(project_slug(project), run, candidate)
    for shape in ("JobName", "CustomModelName", "ModelDeploymentName", "ProvisionedModelName"):
        expression, longest = pattern(shape)
        assert re.fullmatch(expression, name)
        assert len(name) <= longest
    assert re.fullmatch(pattern("IdempotencyToken")[0], jobs.request_token(name))


def identified(*, version: str = "v", attempt: int = 1) -> str:
    return jobs.run_id(bucket="b", key="k", version_id=version, event_time=EVENT_TIME, attempt=attempt)


def test_a_run_id_follows_from_the_object_version_and_the_attempt() -> None:
    assert identified() == identified()
    assert identified().startswith("20261121-103005-")
    assert len({identified(), identified(attempt=2), identified(version="w")}) == 3


@given(
    st.text(min_size=1, max_size=300).map("incoming/{}".format) | st.text(max_size=300),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(1, 99),
)
@example("incoming/", EVENT_TIME, 1)
@example("incoming/shop/data.zip", EVENT_TIME, 2)
def test_every_dropped_object_has_a_name_that_step_functions_takes_and_that_keeps_the_run_id(
    key: str, event_time: datetime, attempt: int
) -> None:
    dropped: Any = {"bucket": "b", "key": key, "version_id": "v", "event_time": event_time, "attempt": attempt}
    name = execution_name(**dropped)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", name)
    assert name.endswith(f"-{jobs.run_id(**dropped)}")


VERSIONS = st.text("aZ09._", min_size=1)


@given(st.lists(st.tuples(st.text(min_size=1), VERSIONS, st.integers(1, 99)), unique=True, max_size=8))
def test_different_versions_and_attempts_have_executions_of_different_names(runs: list[tuple[str, str, int]]) -> None:
    names = {
        execution_name(bucket="b", key=f"incoming/{key}", version_id=version, event_time=EVENT_TIME, attempt=each)
        for key, version, each in runs
    }
    assert len(names) == len(runs)


def test_an_execution_has_the_name_of_its_runs_endpoint() -> None:
    name = execution_name(
        bucket="b", key="incoming/Größe & Co/a.jsonl", version_id="v", event_time=EVENT_TIME, attempt=1
    )
    run = jobs.run_id(bucket="b", key="incoming/Größe & Co/a.jsonl", version_id="v", event_time=EVENT_TIME)
    assert name == jobs.resource_name(project_slug("Größe & Co"), run)


def test_defaults_are_laid_under_the_wanted_hyperparameters() -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    resolved = jobs.resolve_hyperparameters(row, {"epochCount": "3"})
    assert resolved == {"epochCount": "3", "batchSize": "1", "learningRate": "0.00001", "learningRateWarmupSteps": "10"}


@pytest.mark.parametrize("word", ["Auto", "auto"])
def test_a_word_is_sent_as_the_service_spells_it(word: str) -> None:
    row = catalog.base_model("amazon.titan-embed-image-v1:0")
    assert jobs.resolve_hyperparameters(row, {"epochCount": word})["epochCount"] == "Auto"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"epochCount": "6"}, "hyperparameters.epochCount is 6; it must be from 1 to 5."),
        ({"epochCount": "2.5"}, "hyperparameters.epochCount is '2.5'; it must be an integer."),
        ({"learningRate": "0.0000001"}, "hyperparameters.learningRate is 0.0000001; it must be from 1e-06 to 0.0001."),
        ({"learningRate": "nan"}, "hyperparameters.learningRate is nan; it must be from 1e-06 to 0.0001."),
        ({"learningRateMultiplier": "1"}, "hyperparameters.learningRateMultiplier is not one of Amazon Nova Micro"),
    ],
)
def test_a_hyperparameter_out_of_its_range_is_named_with_the_range(wanted: dict[str, str], sentence: str) -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    with pytest.raises(SettingsInvalid) as refusal:
        jobs.resolve_hyperparameters(row, wanted)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(("hours", "seconds"), [(0, 30), (0.25, 30), (1, 108), (4, 432), (24, 600), (72, 600)])
def test_a_wait_is_three_percent_of_the_time_gone_between_floor_and_ceiling(hours: float, seconds: int) -> None:
    assert jobs.next_wait(timedelta(hours=hours)) == seconds


def test_a_job_of_three_days_stays_under_five_thousand_events() -> None:
    elapsed, polls = timedelta(), 0
    while elapsed < timedelta(days=3):
        elapsed += timedelta(seconds=jobs.next_wait(elapsed))
        polls += 1
    assert polls * 9 < 5_000


@pytest.mark.parametrize(
    ("details", "phase"),
    [
        ({}, "starting"),
        ({"validationDetails": {"status": "NotStarted"}}, "starting"),
        ({"validationDetails": {"status": "InProgress"}}, "validation"),
        (
            {"validationDetails": {"status": "Completed"}, "dataProcessingDetails": {"status": "InProgress"}},
            "data processing",
        ),
        ({"validationDetails": {"status": "Completed"}, "trainingDetails": {"status": "InProgress"}}, "training"),
        ({"trainingDetails": {"status": "Completed"}}, "finishing"),
    ],
)
def test_the_phase_is_the_last_one_that_began(details: dict[str, dict[str, object]], phase: str) -> None:
    assert jobs.phase_of(details) == phase


def test_a_job_stalls_when_training_never_starts_for_a_day_or_nothing_ends_in_three() -> None:
    day = timedelta(days=1)
    assert jobs.is_stalled(elapsed=day, phase="data processing")
    assert not jobs.is_stalled(elapsed=day, phase="training")
    assert jobs.is_stalled(elapsed=3 * day, phase="training")
    assert not jobs.is_stalled(elapsed=day - timedelta(seconds=1), phase="starting")


def test_a_lease_that_cannot_be_read_is_over() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    over = {"in the future": "2026-01-01T12:00:01Z", "just now": "2026-01-01T12:00:00Z", "garbage": "soon"}
    assert {name: jobs.lease_is_over({"lease": until}, lease_tag="lease", now=now) for name, until in over.items()} == {
        "in the future": False,
        "just now": True,
        "garbage": True,
    }
    assert jobs.lease_is_over({}, lease_tag="lease", now=now)
