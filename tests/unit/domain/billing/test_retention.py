"""Which models are kept, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.billing import retention
from finetune.domain.billing.retention import PROMOTED, Needs, StoredModel, expired

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def stored(age: int) -> StoredModel:
    created = datetime(2026, 11, 1, tzinfo=UTC) - timedelta(days=age)
    return StoredModel(name=f"model-{age}", arn=f"arn:{age}", created=created)


def test_the_oldest_models_beyond_those_kept_go_first_and_what_is_in_use_never() -> None:
    models = [stored(age) for age in (3, 0, 5, 1, 4, 2)]
    assert [each.name for each in expired(models, keep=2, in_use=set())] == ["model-5", "model-4", "model-3", "model-2"]
    assert [each.name for each in expired(models, keep=2, in_use={"arn:4"})] == ["model-5", "model-3", "model-2"]
    assert expired(models, keep=6, in_use=set()) == []


@given(st.sets(st.integers(0, 50)), st.integers(2, 10), st.sets(st.integers(0, 50)))
def test_as_many_models_as_are_kept_stay_and_each_that_goes_is_older_than_each_of_them(
    ages: set[int], keep: int, used: set[int]
) -> None:
    models = [stored(age) for age in ages]
    gone = expired(models, keep=keep, in_use={f"arn:{age}" for age in used})
    left = [each for each in models if each not in gone]
    assert len(left) >= min(keep, len(models))
    newest = sorted(left, key=lambda each: each.created, reverse=True)[:keep]
    assert all(each.created < other.created for each in gone for other in newest)
    assert not {each.arn for each in gone} & {f"arn:{age}" for age in used}


MODEL = StoredModel("model", "arn:model", NOW, "arn:base", {"execution": "arn:execution"})
PINNED = StoredModel("model", "arn:model", NOW, "arn:base", {"keep": "true"})


@pytest.mark.parametrize(
    ("model", "needs", "why"),
    [
        (MODEL, Needs(), None),
        (MODEL, Needs(published={"arn:model"}), "it is in service"),
        (MODEL, Needs(serving={"arn:model"}), "an endpoint serves it"),
        (MODEL, Needs(before={"arn:model"}), "a rollback returns to it"),
        (MODEL, Needs(parents={"arn:model"}), "another model was trained from it"),
        (MODEL, Needs(going={"arn:execution"}), "its run is going on"),
        (MODEL, Needs(parents={"arn:base"}, going={"arn:another"}), None),
        (PINNED, Needs(), "somebody keeps it"),
        (PINNED, Needs(going={""}), "somebody keeps it"),
    ],
)
def test_a_model_that_somebody_needs_stays_and_the_reason_is_said(
    model: StoredModel, needs: Needs, why: str | None
) -> None:
    assert retention.needed(model, needs, keep_tag="keep", execution_tag="execution") == why


def test_a_model_is_due_when_its_days_are_over_and_not_before() -> None:
    told = retention.deletion(NOW, 30)
    assert retention.day_of(told) == "2026-12-21"
    assert not retention.is_due(told, NOW + timedelta(days=30, seconds=-1))
    assert retention.is_due(told, NOW + timedelta(days=30))


@pytest.mark.parametrize("told", [PROMOTED, "", "soon", "2026-12-21"])
def test_what_names_no_time_is_never_due(told: str) -> None:
    assert not retention.is_due(told, NOW + timedelta(days=10_000))
    assert retention.day_of(told) is None
