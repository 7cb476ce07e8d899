"""Custom models that nobody needs are deleted in the end, but none that serves, none of others, none that is kept."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.aws import retention, tags
from finetune.aws.publication import Published
from finetune.aws.tags import DELETE_AFTER_TAG, EXECUTION_TAG, KEEP_TAG, tags_of
from finetune.errors import AccessRefused, FineTuneError
from finetune.remains import Standing
from finetune.settings import Settings
from tests.integration.deployed import Deployed, down
from tests.integration.fakes import NOVA, SLUG, STACK, Stack, until_done

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


def forget(
    stack: Stack,
    *,
    keep: int = 2,
    serving: str = "arn:none",
    before: str | None = None,
    in_hand: tuple[str, ...] = (),
    going: tuple[str, ...] = (),
) -> Any:
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
    return retention.forget_old_models(
        stack.emulator.control, run, published, stack=STACK, in_hand=lambda: set(in_hand), going=going.__contains__
    )


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


def test_a_model_that_a_run_goes_on_with_stays_however_old(stack: Stack) -> None:
    models = trained(stack, 4)
    names, arns = list(models), list(models.values())
    assert forget(stack, keep=2, in_hand=(arns[0],)) == ((names[1],), None)


def test_a_model_of_a_run_that_is_going_on_stays_at_a_promotion_however_old(stack: Stack) -> None:
    [waiting] = trained(stack, 1, name=f"{SLUG}-20261101-000000-{{:08x}}-c2", **{EXECUTION_TAG: "arn:waiting"})
    names = list(trained(stack, 3, **{EXECUTION_TAG: "arn:ended"}))
    assert forget(stack, keep=2, going=("arn:waiting",)) == ((names[0],), None)
    assert forget(stack, keep=2) == ((waiting,), None)


def test_a_model_whose_day_has_not_come_stays_at_a_promotion_however_old(stack: Stack) -> None:
    [dated] = trained(
        stack, 1, name=f"{SLUG}-20261101-000000-{{:08x}}-c2", **{DELETE_AFTER_TAG: "2026-12-21T00:00:00Z"}
    )
    names = list(trained(stack, 4, **{DELETE_AFTER_TAG: "promoted"}))
    assert forget(stack, keep=2) == (tuple(names[:2]), None)
    stack.clock.advance(30 * 24 * 60)
    assert forget(stack, keep=2) == ((dated,), None)


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
    assert forget(stack)[1].startswith("While listing the custom models")
    assert forget(stack) == (tuple(names[1:3]), None)


def test_what_a_person_keeps_and_what_another_model_was_trained_from_stays_however_old(stack: Stack) -> None:
    trained(stack, 1, name=f"{SLUG}-20261101-000000-{{:08x}}-c2", **{KEEP_TAG: "true"})
    models = trained(stack, 5)
    names, arns, state = list(models), list(models.values()), stack.emulator.world.state
    state.jobs[state.models[arns[4]].job_arn].parent_model_arn = arns[0]
    assert forget(stack, keep=2) == (tuple(names[1:3]), None)


# The day of a model that was not promoted


def ended(deployed: Deployed, given: dict[str, str] | None = None, *, told: bool = True) -> str:
    """A model of a run that was stopped, and whose mail was sent if it is told of; its ARN."""
    run = deployed.planned()
    name = run.candidates[0].name
    arn = deployed.stack.emulator.add_model(name, NOVA)
    every: Any = [*tags_of(run, STACK), *({"key": key, "value": value} for key, value in (given or {}).items())]
    deployed.stack.emulator.control.tag_resource(resourceARN=arn, tags=every)
    stopped = deployed.end(run, "ABORTED")
    deployed.later()
    if told:
        assert deployed.clean_up(stopped).mail_sent
    return arn


def tags_on(deployed: Deployed, arn: str) -> dict[str, str]:
    found = tags.read(deployed.stack.emulator.control, arn)
    assert found
    return found[0]


def look(deployed: Deployed) -> tuple[str, ...]:
    """What the next sweep deletes; nothing fails."""
    return deployed.sweep().deleted_models


def days(deployed: Deployed, count: float) -> None:
    deployed.later(count * 24 * 60)


def test_the_mail_of_the_run_names_the_day_and_the_sweeper_keeps_to_it(deployed: Deployed) -> None:
    arn = ended(deployed)
    assert "It is deleted on 2026-12-21." in deployed.topic.bodies[-1]
    assert tags_on(deployed, arn)[DELETE_AFTER_TAG] == "2026-12-21T12:07:00Z"
    days(deployed, 29.9)
    assert look(deployed) == ()
    days(deployed, 1)
    [name] = look(deployed)
    assert name in deployed.topic.bodies[-1]
    assert left(deployed.stack) == set()
    assert [each.name for each in retention.read_marker(deployed.s3, "artifacts").deleted] == [name]


def test_the_models_are_looked_at_once_a_day_and_at_most_one_call_more_is_made_between(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, real = list[str](), retention.models_of

    def counted(*given: Any) -> Any:
        looks.append("")
        return real(*given)

    monkeypatch.setattr(retention, "models_of", counted)
    for _ in range(96):
        deployed.sweep()
        deployed.later(15)
    assert len(looks) == 1
    deployed.sweep()
    assert len(looks) == 2


def test_a_model_of_an_older_release_gets_its_days_when_this_one_first_sees_it(deployed: Deployed) -> None:
    arn = ended(deployed, told=False)
    deployed.stack.emulator.control.untag_resource(resourceARN=arn, tagKeys=[EXECUTION_TAG])
    deployed.executions.statuses.clear()
    days(deployed, 100)
    assert look(deployed) == ()
    assert tags_on(deployed, arn)[DELETE_AFTER_TAG].startswith("2027-03-31")
    days(deployed, 29)
    assert look(deployed) == ()
    days(deployed, 1)
    assert len(look(deployed)) == 1


def test_a_model_of_an_unknown_run_that_may_still_be_going_is_not_dated(deployed: Deployed) -> None:
    arn = ended(deployed, told=False)
    deployed.stack.emulator.control.untag_resource(resourceARN=arn, tagKeys=[EXECUTION_TAG])
    deployed.executions.statuses.clear()
    days(deployed, 17)
    assert look(deployed) == ()
    assert DELETE_AFTER_TAG not in tags_on(deployed, arn)


def test_what_a_person_keeps_stays_and_gets_its_days_anew_when_it_is_not_kept_any_more(deployed: Deployed) -> None:
    arn = ended(deployed, {KEEP_TAG: "true"})
    assert "It is deleted on" not in deployed.topic.bodies[-1]
    days(deployed, 400)
    assert look(deployed) == ()
    deployed.stack.emulator.control.untag_resource(resourceARN=arn, tagKeys=[KEEP_TAG, DELETE_AFTER_TAG])
    days(deployed, 1)
    assert look(deployed) == ()
    days(deployed, 30)
    assert len(look(deployed)) == 1


def test_a_model_of_a_run_that_is_going_on_stays_whatever_its_tag_says(deployed: Deployed) -> None:
    arn = ended(deployed, {DELETE_AFTER_TAG: "2026-11-01T00:00:00Z"})
    execution = tags_on(deployed, arn)[EXECUTION_TAG]
    deployed.executions.statuses[execution] = "RUNNING"
    assert look(deployed) == ()
    deployed.executions.statuses[execution] = "ABORTED"
    days(deployed, 1)
    assert len(look(deployed)) == 1


def test_a_promoted_model_is_left_to_retention_models_also_after_it_was_replaced(deployed: Deployed) -> None:
    stack = deployed.stack
    promoted = []
    for _ in range(3):
        request = stack.request(stack.run())
        until_done(lambda: stack.promote(request), stack.clock)  # noqa: B023 - called at once
        deployed.executions.more[request.run.execution_arn] = {"input": "{}"}
        promoted.append(request.model.model_arn or "")
        days(deployed, 1)
        assert look(deployed) == ()
    days(deployed, 400)
    assert look(deployed) == ()
    assert {tags_on(deployed, arn)[DELETE_AFTER_TAG] for arn in promoted} == {"promoted"}


def test_a_model_that_was_promoted_and_replaced_before_anybody_looked_is_known_by_what_was_published(
    deployed: Deployed,
) -> None:
    stack = deployed.stack
    promoted = []
    for _ in range(3):
        request = stack.request(stack.run())
        until_done(lambda: stack.promote(request), stack.clock)  # noqa: B023 - called at once
        deployed.executions.statuses[request.run.execution_arn] = "SUCCEEDED"
        deployed.executions.more[request.run.execution_arn] = {"input": "{}", "output": "{}"}
        promoted.append(request.model.model_arn or "")
    assert look(deployed) == ()
    assert {tags_on(deployed, arn)[DELETE_AFTER_TAG] for arn in promoted} == {"promoted"}


def test_a_model_that_cannot_be_deleted_keeps_no_other_and_is_an_alarm(deployed: Deployed) -> None:
    for _ in range(2):
        ended(deployed)
    days(deployed, 31)
    deployed.stack.emulator.admin.inject("deny-delete-model")
    with pytest.raises(FineTuneError, match="deleting custom model"):
        deployed.sweep()
    assert len(left(deployed.stack)) == 1
    days(deployed, 1)
    assert len(look(deployed)) == 1


def test_without_the_list_of_executions_no_model_is_deleted(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(deployed)
    days(deployed, 31)
    monkeypatch.setattr(deployed.executions, "get_paginator", lambda _: down())
    with pytest.raises(FineTuneError):
        deployed.sweep()
    assert len(left(deployed.stack)) == 1


def test_a_day_that_cannot_be_written_keeps_no_mail_back_and_is_written_by_the_sweeper(deployed: Deployed) -> None:
    def refuse(*_: object) -> None:
        raise AccessRefused("no")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tags, "add", refuse)
        arn = ended(deployed)
    assert "It is deleted after 30 days." in deployed.topic.bodies[-1]
    assert DELETE_AFTER_TAG not in tags_on(deployed, arn)
    look(deployed)
    assert DELETE_AFTER_TAG in tags_on(deployed, arn)


def test_a_day_is_written_once(deployed: Deployed) -> None:
    arn = ended(deployed, {DELETE_AFTER_TAG: "2026-12-24T12:00:00Z"})
    assert "It is deleted on 2026-12-24." in deployed.topic.bodies[-1]
    assert tags_on(deployed, arn)[DELETE_AFTER_TAG] == "2026-12-24T12:00:00Z"


def test_the_days_are_those_of_the_settings(deployed: Deployed) -> None:
    run = deployed.planned()
    arn = deployed.stack.emulator.add_model(run.candidates[0].name, NOVA)
    own = run.model_copy(update={"settings": Settings.model_validate({"retention": {"days": 7}})})
    found = retention.dated(
        deployed.stack.emulator.control, own, Standing(models={run.candidates[0].name: arn}), stack=STACK
    )
    assert found == {run.candidates[0].name: "2026-11-28"}


@pytest.mark.parametrize(
    ("before", "after", "day"),
    [
        ("2026-11-25T00:00:00Z", "2026-12-21T", "2026-12-21"),
        ("2027-01-02T00:00:00Z", "2027-01-02T", "2027-01-02"),
        ("promoted", "promoted", None),
    ],
)
def test_the_day_of_a_model_that_a_later_run_went_on_with_is_the_later_one(
    deployed: Deployed, before: str, after: str, day: str | None
) -> None:
    run, name = deployed.planned(), f"{SLUG}-20261101-000000-00000000-c1"
    arn = deployed.stack.emulator.add_model(name, NOVA)
    given: Any = [{"key": key, "value": value} for key, value in (OWN | {DELETE_AFTER_TAG: before}).items()]
    deployed.stack.emulator.control.tag_resource(resourceARN=arn, tags=given)
    found = retention.dated(deployed.stack.emulator.control, run, Standing(adopted={name: arn}), stack=STACK)
    assert found == ({name: day} if day else {})
    assert tags_on(deployed, arn)[DELETE_AFTER_TAG].startswith(after)
