"""The last line of defence: endings that nobody told of, endpoints that nobody owns, mails that nobody sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finetune.aws.clean_up import LOOK_BACK, MOST_LOST
from finetune.contracts import (
    SweepEndpointsOutput,
)
from finetune.errors import AccessRefused, ServiceBusy
from tests.integration.deployed import STOPPED, Deployed, deliver, down, down_once, refused
from tests.integration.fakes import STACK

# Sweep Endpoints: endings that nobody told of


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_ending_whose_event_was_lost_is_cleaned_up_after(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    job, endpoint = deployed.training(run), deployed.evaluating(run)
    deployed.end(run, status, error="SettingsInvalid", cause="settings.yaml: no")
    swept = deployed.sweep()
    assert swept == SweepEndpointsOutput(checked=0, released=(), mails_sent=1)
    assert deployed.status_of(job) in {"Stopping", "Stopped"}
    assert deployed.stack.open_arns() == set()
    [subject] = deployed.topic.sent
    assert subject.startswith("Run failed (")
    assert endpoint.arn not in deployed.topic.bodies[0]
    assert deployed.sweep().mails_sent == 0


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_run_that_is_going_on_or_ended_well_is_nobody_s_business(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    job = deployed.training(run)
    deployed.executions.statuses[run.execution_arn] = status
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert (deployed.status_of(job), deployed.topic.sent) == ("InProgress", [])


@pytest.mark.parametrize(("ago", "mails"), [(LOOK_BACK - timedelta(seconds=1), 1), (LOOK_BACK, 0)])
def test_endings_are_looked_for_as_far_back_as_the_sweeper_looks(
    deployed: Deployed, ago: timedelta, mails: int
) -> None:
    deployed.end(deployed.planned(), "ABORTED", stopDate=deployed.executions.now - ago)
    assert deployed.sweep().mails_sent == mails


def test_of_each_kind_of_ending_as_many_are_looked_at_as_one_sweep_takes(deployed: Deployed) -> None:
    for status in ("ABORTED", "FAILED"):
        for _ in range(MOST_LOST + 1):
            deployed.end(deployed.planned(), status)
    assert deployed.sweep().mails_sent == 2 * MOST_LOST


def test_one_ending_that_cannot_be_cleaned_up_does_not_keep_the_others_from_it(deployed: Deployed) -> None:
    ended = [deployed.planned() for _ in range(3)]
    opened = {deployed.evaluating(run).arn for run in ended}
    for run in ended:
        deployed.end(run, "ABORTED")
    deployed.stack.emulator.admin.inject("deny-get-job@2")
    with pytest.raises(AccessRefused):
        deployed.sweep()
    assert deployed.topic.sent == [STOPPED] * 3
    assert not deployed.stack.open_arns() & opened


def test_one_ending_that_cannot_be_looked_at_does_not_keep_the_others_from_it(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen, *others = (deployed.planned() for _ in range(3))
    for run in (unseen, *others):
        deployed.end(run, "ABORTED")
    look = deployed.executions.describe_execution

    def describe(*, executionArn: str) -> dict[str, Any]:  # noqa: N803 - Step Functions' own names
        if executionArn == unseen.execution_arn:
            raise refused("AccessDeniedException")
        return look(executionArn=executionArn)

    monkeypatch.setattr(deployed.executions, "describe_execution", describe)
    with pytest.raises(AccessRefused):
        deployed.sweep()
    assert deployed.topic.sent == [STOPPED] * 2


# Sweep Endpoints: endpoints that nobody owns, and mails that nobody sent


def test_endpoints_that_were_removed_are_told_of_in_one_mail(deployed: Deployed) -> None:
    arns = {deployed.evaluating(deployed.planned()).arn for _ in range(2)}
    for run in list(deployed.executions.statuses):
        deployed.executions.statuses[run] = "SUCCEEDED"
    swept = deployed.sweep()
    assert (set(swept.released), swept.checked, swept.mails_sent) == (arns, 2, 0)
    assert deployed.topic.sent == [f"Endpoints removed by the sweeper of {STACK}: 2"]
    assert all(arn in deployed.topic.bodies[0] for arn in arns)
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert len(deployed.topic.sent) == 1


def test_an_alarm_that_cannot_be_sent_is_an_error_and_the_endpoint_is_gone_all_the_same(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()


@pytest.mark.parametrize(("status", "mails"), [("RUNNING", 0), ("SUCCEEDED", 1)])
def test_a_mail_that_was_written_and_not_sent_goes_out_once_its_execution_has_ended(
    deployed: Deployed, status: str, mails: int
) -> None:
    run = deployed.planned()
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Model promoted: shop")
    deployed.topic.before = lambda: None
    deployed.executions.statuses[run.execution_arn] = status
    assert deployed.sweep().mails_sent == mails
    assert deployed.topic.sent == ["Model promoted: shop"][:mails]


def test_a_mail_that_cannot_be_sent_now_does_not_keep_the_others(deployed: Deployed) -> None:
    deployed.topic.before = down
    for number in range(3):
        run = deployed.planned()
        with pytest.raises(ServiceBusy):
            deliver(deployed, run, f"Model promoted: {number}")
        deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.topic.before = down_once(deployed.topic)
    with pytest.raises(ServiceBusy):
        deployed.sweep()
    assert deployed.topic.sent == ["Model promoted: 1", "Model promoted: 2"]


def test_a_sweeper_that_may_not_list_executions_deletes_endpoints_and_sends_mails_all_the_same(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> None:
        raise refused("AccessDeniedException")

    run = deployed.planned()
    deployed.evaluating(run)
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Model promoted: shop")
    deployed.topic.before = lambda: None
    deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    monkeypatch.setattr(deployed.executions, "list_executions", denied)
    with pytest.raises(AccessRefused, match="listing ABORTED executions"):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()
    assert deployed.topic.sent == [f"Endpoints removed by the sweeper of {STACK}: 1", "Model promoted: shop"]


def test_a_stack_at_rest_is_swept_without_a_mail(deployed: Deployed) -> None:
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert deployed.topic.sent == []
