"""Which custom models are deleted: those beyond the newest of a project, and those that were not promoted in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# What stands in the place of the day of a model that was promoted once: `retention.models` decides about it.
PROMOTED = "promoted"
_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A custom model that is billed for its storage; `base_arn` is what it was trained from."""

    name: str
    arn: str
    created: datetime
    base_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """Who needs models, each by the models' ARNs; `going` by the ARNs of executions."""

    serving: Set[str] = frozenset()
    published: Set[str] = frozenset()
    before: Set[str] = frozenset()
    parents: Set[str] = frozenset()
    going: Set[str] = frozenset()
    in_hand: Set[str] = frozenset()


def needed(model: StoredModel, needs: Needs, *, keep_tag: str, execution_tag: str) -> str | None:
    """Why a model must not be deleted; None when nobody needs it. What waits for a model is to be added here."""
    return next(
        (
            why
            for why, found in (
                ("it is in service", model.arn in needs.published),
                ("an endpoint serves it", model.arn in needs.serving),
                ("a rollback returns to it", model.arn in needs.before),
                ("somebody keeps it", keep_tag in model.tags),
                ("another model was trained from it", model.arn in needs.parents),
                ("a run goes on with it", model.arn in needs.in_hand),
                ("its run is going on", model.tags.get(execution_tag) in needs.going),
            )
            if found
        ),
        None,
    )


def expired(models: Iterable[StoredModel], *, keep: int, in_use: Set[str]) -> list[StoredModel]:
    """The models beyond the newest `keep`, oldest first, but none whose ARN is `in_use`."""
    newest_first = sorted(models, key=lambda model: (model.created, model.name), reverse=True)
    return [model for model in reversed(newest_first[keep:]) if model.arn not in in_use]


def deletion(now: datetime, days: int) -> str:
    """When a model is deleted that nobody promoted by now, as a tag says it."""
    return f"{now + timedelta(days=days):{_FORM}}"


def day_of(told: str | None) -> str | None:
    """The day in such a tag; None when it names none."""
    return told[:10] if told and _moment(told) else None


def is_due(told: str, now: datetime) -> bool:
    """Whether a tag names a time that has passed; one that cannot be read names none."""
    moment = _moment(told)
    return moment is not None and now >= moment


def _moment(told: str) -> datetime | None:
    try:
        return datetime.strptime(told, f"{_FORM[:-1]}%z")
    except ValueError:
        return None
