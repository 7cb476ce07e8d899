"""Old custom models are deleted, but none that serves and none of others, and never at the cost of a promotion."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.aws import retention
from finetune.aws.publication import Published
from tests.integration.fakes import NOVA, SLUG, STACK, Stack

OWN = {"finetune-stack": STACK, "finetune-project": SLUG}


def trained(stack: Stack, count: int, name: str = f"{SLUG}-20261101-000000-{{:08x}}-c1", **tags: str) -> dict[str, str]:
    """Models that were trained a day apart, oldest first: ARNs by name."""
    models = {}
    for number in range(count):
        stack.clock.advance(24 * 60)
        models[name.format(number)] = arn = stack.emulator.add_model(name.format(number), NOVA)
        given: Any = [{"key": key, "value": value} for key, value in (OWN | tags).items()]
        stack.emulator.control.tag_resource(resourceARN=arn, tags=given)
    return models


def forget(stack: Stack, *, keep: int = 2, serving: str = "arn:none", before: str | None = None) -> Any:
    run = stack.run(retention={"models": keep})
    published = Published(
        endpoint_arn="arn:endpoint",
        endpoint_name="endpoint",
        kind="on_demand",
        base_model=NOVA,
        model_arn=serving,
        run_id="run",
        previous_model_arn=before,
    )
    return retention.forget_old_models(stack.emulator.control, run, published, stack=STACK)


def left(stack: Stack) -> set[str]:
    return {model.name for model in stack.emulator.admin.ledger().models if model.deleted_at is None}


def test_the_newest_are_kept_and_the_others_go_oldest_first(stack: Stack) -> None:
    names = list(trained(stack, 5))
    assert forget(stack, keep=2) == (tuple(names[:3]), None)
    assert left(stack) == set(names[3:])
    assert forget(stack, keep=2) == ((), None)


def test_what_is_in_service_was_before_or_serves_anywhere_stays_however_old(stack: Stack) -> None:
    models = trained(stack, 6)
    names, arns = list(models), list(models.values())
    stack.open("somebody-s", arns[2], "on_demand", [])
    assert forget(stack, keep=2, serving=arns[0], before=arns[1]) == ((names[3],), None)


@pytest.mark.parametrize(
    "other",
    [
        {"finetune-stack": "another"},
        {"finetune-project": "shop-2"},
        {"name": "shop-2-20261101-000000-{:08x}-c1"},
        {"name": "shop-model-{}"},
        {"name": "other-shop-20261101-000000-{:08x}-c1"},
    ],
)
def test_models_of_others_stay_whatever_they_are_called(stack: Stack, other: dict[str, str]) -> None:
    foreign = trained(stack, 3, **other)
    assert forget(stack) == ((), None)
    assert left(stack) == set(foreign)


def test_a_refusal_is_told_with_what_went_before_it_and_is_no_error(stack: Stack) -> None:
    names = list(trained(stack, 5))
    stack.emulator.admin.inject("deny-delete-model@2")
    deleted, problem = forget(stack)
    assert deleted == (names[0],)
    assert f"While deleting custom model {names[1]}: AccessDeniedException" in problem
    stack.emulator.admin.inject("throttle-list-custom-models")
    assert forget(stack)[1].startswith(f"While listing the custom models of project {SLUG}")
    assert forget(stack) == (tuple(names[1:3]), None)
