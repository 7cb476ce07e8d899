"""A run is planned under the slug of its project; who attacks that stands in tests/security/test_identity.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from finetune.aws import ownership, runs
from finetune.domain.customization.projects import project_slug, slug_before
from finetune.errors import UnsupportedDataset
from finetune.run import DatasetDropped, Run
from tests.integration.fakes import STACK, MemoryBucket, MemorySsm
from tests.integration.test_publication import PUBLISHED


def named(project: str) -> Run:
    request = DatasetDropped(
        bucket="datasets",
        key=f"incoming/{project}/a.csv",
        version_id="v",
        event_time=datetime(2026, 11, 21, tzinfo=UTC),
    )
    return runs.identify(request, artifact_bucket="artifacts", execution_arn="arn:first")


def settled(project: str, bucket: MemoryBucket, ssm: MemorySsm) -> Run:
    return ownership.settled(cast("Any", bucket), cast("Any", ssm), STACK, named(project))


def test_a_name_that_is_a_slug_needs_no_look_at_what_an_earlier_release_left() -> None:
    nothing: Any = None
    assert settled("shop", nothing, MemorySsm()) == named("shop")


def test_all_names_of_a_run_follow_from_the_slug_that_its_project_keeps() -> None:
    bucket, name = MemoryBucket(), "My Shop"
    earlier = runs.under(named(name), slug_before(name))
    assert runs.claim(cast("Any", bucket), earlier)
    run = settled(name, bucket, MemorySsm())
    assert (run, run.endpoint_name) == (earlier, f"{slug_before(name)}-{run.run_id}")
    assert settled("My Shop!", bucket, MemorySsm()).slug == project_slug("My Shop!")


def test_a_promotion_requires_that_what_is_published_is_the_project_s_own() -> None:
    ownership.own(named("shop"), None)
    ownership.own(named("shop"), PUBLISHED.model_copy(update={"dataset": None}))
    ownership.own(named("shop"), PUBLISHED.model_copy(update={"project": "shop"}))
    with pytest.raises(UnsupportedDataset, match=r"The short name shop of the project belongs to another project"):
        ownership.own(named("shop"), PUBLISHED.model_copy(update={"project": "Shop"}))
