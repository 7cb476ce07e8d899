"""Customization jobs as pure rules: names and tokens, hyperparameters, statuses and waits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from finetune.domain.catalog import BaseModelRow, Hyperparameter
from finetune.errors import SettingsInvalid
from finetune.foreign import foreign

# A wait of 3 % of the time gone finds the end of any job within 1.5 % of its length on average, and keeps a job of
# three days under 5,000 of the 25,000 events that an execution's history may hold.
WAIT_SHARE = 0.03
WAIT_FLOOR_SECONDS = 30
WAIT_CEILING_SECONDS = 600

# Jobs have been seen to sit for one to three days with training never started and no message.
STALLED_AFTER = timedelta(hours=24)
JOB_BOUND = timedelta(days=3)
# A job stops within minutes; one that does not is the service's to end, and the run goes on to its end.
STOPPING_BOUND = timedelta(hours=6)

# How long a run waits for capacity under a quota, and how often it asks; the state machine says the same.
QUOTA_BOUND, QUOTA_INTERVAL = timedelta(hours=48), timedelta(minutes=10)

Overfitting = Literal["none", "mild", "severe", "unknown"]
Phase = Literal["starting", "validation", "data processing", "training", "finishing"]
_PHASES: tuple[tuple[str, Phase], ...] = (
    ("validationDetails", "validation"),
    ("dataProcessingDetails", "data processing"),
    ("trainingDetails", "training"),
)


def run_id(
    *, bucket: str, key: str, version_id: str, event_time: datetime, attempt: int = 1, evaluate: str | None = None
) -> str:
    """`<event time>-<hash of the object version>`: one dataset version, model to evaluate and attempt, one id."""
    identity = f"{bucket}/{key}@{version_id}" + (f"#{attempt}" if attempt > 1 else "") + (evaluate or "")
    return f"{event_time:%Y%m%d-%H%M%S}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def planned_at(run: str) -> str:
    """The time in a run id as a person writes it: `2026-11-21 10:30 UTC`."""
    return f"{datetime.strptime(run[:15], '%Y%m%d-%H%M%S'):%Y-%m-%d %H:%M} UTC"  # noqa: DTZ007 - the id is UTC


def resource_name(slug: str, run: str, candidate: int | None = None) -> str:
    """The name of a run's job, model or endpoint; fits every name pattern of Bedrock and its 63 characters."""
    return f"{slug}-{run}" + (f"-c{candidate}" if candidate is not None else "")


def request_token(name: str) -> str:
    """The clientRequestToken of the one request that creates `name`."""
    return hashlib.sha256(name.encode()).hexdigest()


def resolve_hyperparameters(row: BaseModelRow, wanted: Mapping[str, str]) -> dict[str, str]:
    """The base model's defaults with the wanted values laid over; SettingsInvalid names what is out of range."""
    for name, value in wanted.items():
        if name not in row.hyperparameters:
            known = ", ".join(row.hyperparameters)
            raise SettingsInvalid(f"hyperparameters.{foreign(name)} is not one of {row.name}; it takes {known}.")
        _check_hyperparameter(name, value, row.hyperparameters[name])
    return {name: _spelt(wanted.get(name, rule.default), rule) for name, rule in row.hyperparameters.items()}


def _spelt(value: str, rule: Hyperparameter) -> str:
    """A word as the service spells it."""
    return next((word for word in rule.words if word.lower() == value.lower()), value)


def _check_hyperparameter(name: str, value: str, rule: Hyperparameter) -> None:
    if _spelt(value, rule) in rule.words:
        return
    try:
        number = int(value) if rule.type == "integer" else float(value)
    except ValueError:
        article = "an" if rule.type == "integer" else "a"
        raise SettingsInvalid(f"hyperparameters.{name} is {value!r}; it must be {article} {rule.type}.") from None
    if not rule.minimum <= number <= rule.maximum:
        raise SettingsInvalid(
            f"hyperparameters.{name} is {value}; it must be from {rule.minimum:g} to {rule.maximum:g}."
        )


def next_wait(elapsed: timedelta) -> int:
    """Seconds until the next look at something that has been going on for `elapsed`."""
    return int(min(max(elapsed.total_seconds() * WAIT_SHARE, WAIT_FLOOR_SECONDS), WAIT_CEILING_SECONDS))


def phase_of(status_details: Mapping[str, Mapping[str, object]]) -> Phase:
    """The phase a job is in, from GetModelCustomizationJob's statusDetails; some jobs fill in none."""
    begun = [phase for key, phase in _PHASES if status_details.get(key, {}).get("status", "NotStarted") != "NotStarted"]
    if not begun:
        return "starting"
    last = next(key for key, phase in _PHASES if phase == begun[-1])
    return "finishing" if last == "trainingDetails" and status_details[last].get("status") == "Completed" else begun[-1]


def is_stalled(*, elapsed: timedelta, phase: Phase) -> bool:
    """Whether a job that claims to be in progress will not end: nothing trained for a day, or three days in all."""
    return elapsed >= JOB_BOUND or (elapsed >= STALLED_AFTER and phase not in {"training", "finishing"})


# How long a person has to answer a question; the state machine says the same, in each of the two states that ask.
APPROVAL_BOUND = timedelta(days=3)

# Some models take a day to evaluate, and a deployment costs nothing while it is idle, so its lease is as long as this.
RUN_BOUND = timedelta(days=29)
CREATING_BOUND = timedelta(hours=3)


def lease_is_over(tags: Mapping[str, str], *, lease_tag: str, now: datetime) -> bool:
    """Whether the lease named in an endpoint's tags has run out; one without a readable lease has."""
    try:
        return now >= datetime.strptime(tags[lease_tag], "%Y-%m-%dT%H:%M:%S%z")
    except (KeyError, ValueError):
        return True
