"""The last line of defence: endings that nobody told of, endpoints that nobody owns, mails that nobody sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from finetune.aws import mail
from finetune.aws.clean_up import LOOK_BACK
from finetune.aws.executions import IN_FLIGHT
from finetune.aws.release import OVERDUE
from finetune.contracts import SweepEndpointsOutput
from finetune.errors import AccessRefused, ServiceBusy
from tests.integration.deployed import STOPPED, Deployed, deliver, down, down_once, refused
from tests.integration.fakes import STACK, VERDICT
from tools.project import resources, template

PROMOTION = {"words": "of another release"}

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
    assert subject.startswith(("Run failed (", "Run stopped: "))
    assert endpoint.arn not in deployed.topic.bodies[0]
    assert deployed.sweep().mails_sent == 0


def test_a_run_that_is_going_on_is_nobody_s_business(deployed: Deployed) -> None:
    job = deployed.training(deployed.planned())
    assert deployed.sweep() == SweepEndpointsOutput(checked=1, released=(), mails_sent=0)
    assert (deployed.status_of(job), deployed.topic.sent) == ("InProgress", [])


@pytest.mark.parametrize(
    ("output", "sent"),
    [
        ({"promotion": PROMOTION, "evaluation": {"decision": "promote"}}, ["Model promoted: the dropped file"]),
        ({"evaluation": VERDICT.payload() | {"decision": "do_not_promote"}}, ["Model not promoted: shop"]),
        ({"run": {"first_delivery": False}}, []),
        ({}, []),
    ],
    ids=["promoted, in another release's words", "not promoted", "a second delivery", "nothing known"],
)
def test_a_success_whose_mail_was_never_written_is_told_of_once(
    deployed: Deployed, output: dict[str, Any], sent: list[str]
) -> None:
    run = deployed.planned()
    deployed.ended(run, "SUCCEEDED", output=json.dumps({"run": run.payload()} | output))
    assert [deployed.sweep().mails_sent for _ in range(2)] == [len(sent), 0]
    assert deployed.topic.sent == sent
    assert mail.all_sent(deployed.s3, "artifacts") == [run.execution_arn.rsplit(":", 1)[1]]


@pytest.mark.parametrize(("ago", "mails"), [(LOOK_BACK - timedelta(seconds=1), 1), (LOOK_BACK, 0)])
def test_endings_are_looked_for_as_far_back_as_the_sweeper_looks(
    deployed: Deployed, ago: timedelta, mails: int
) -> None:
    deployed.end(deployed.planned(), "ABORTED", stopDate=deployed.executions.now - ago)
    assert deployed.sweep().mails_sent == mails


def test_endings_without_a_mail_are_found_however_many_came_after_them(deployed: Deployed) -> None:
    lost = deployed.planned()
    deployed.end(lost, "ABORTED")
    for _ in range(60):
        run = deployed.planned()
        deployed.end(run, "ABORTED")
        assert deliver(deployed, run, "told")
    assert deployed.sweep().mails_sent == 1
    assert lost.execution_arn in deployed.topic.bodies[-1]


def test_the_records_of_mails_are_kept_longer_than_endings_are_looked_for() -> None:
    assert timedelta(days=template()["Parameters"]["ArtifactRetentionDays"]["MinValue"]) > LOOK_BACK


def test_nothing_of_an_ended_execution_that_could_publish_is_going_when_it_is_quiet() -> None:
    limit = resources("AWS::Serverless::Function")["PromoteModelFunction"]["Properties"]["Timeout"]
    assert timedelta(seconds=limit) < IN_FLIGHT


def test_one_ending_that_cannot_be_cleaned_up_does_not_keep_the_others_from_it(deployed: Deployed) -> None:
    ended = [deployed.planned() for _ in range(3)]
    opened = {deployed.evaluating(run).arn for run in ended}
    for run in ended:
        deployed.end(run, "ABORTED")
    deployed.stack.emulator.admin.inject("deny-delete-deployment@2")
    with pytest.raises(AccessRefused):
        deployed.sweep()
    assert deployed.topic.sent == [STOPPED] * 3
    assert len(deployed.stack.open_arns() & opened) <= 1


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
        deployed.executions.more[run]["stopDate"] = deployed.executions.now - OVERDUE
    swept = deployed.sweep()
    assert (set(swept.released), swept.checked, swept.mails_sent) == (arns, 2, 0)
    assert deployed.topic.sent == [f"Left behind and ended by the sweeper of {STACK}: 2"]
    assert all(arn in deployed.topic.bodies[0] for arn in arns)
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert len(deployed.topic.sent) == 1


def test_an_alarm_that_cannot_be_sent_is_an_error_and_the_endpoint_is_gone_all_the_same(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    deployed.executions.statuses[run.execution_arn] = "SUCCEEDED"
    deployed.executions.more[run.execution_arn]["stopDate"] = deployed.executions.now - OVERDUE
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_a_mail_that_was_written_and_not_sent_goes_out_once(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Model promoted: shop")
    deployed.topic.before = lambda: None
    deployed.executions.statuses[run.execution_arn] = status
    assert [deployed.sweep().mails_sent for _ in range(2)] == [1, 0]
    assert deployed.topic.sent == ["Model promoted: shop"]


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
    deployed.executions.more[run.execution_arn]["stopDate"] = deployed.executions.now - OVERDUE
    monkeypatch.setattr(deployed.executions, "paginate", denied)
    with pytest.raises(AccessRefused, match="listing executions"):
        deployed.sweep()
    assert deployed.stack.open_arns() == set()
    assert deployed.topic.sent == ["Model promoted: shop", f"Left behind and ended by the sweeper of {STACK}: 1"]


def test_a_stack_at_rest_is_swept_without_a_mail(deployed: Deployed) -> None:
    assert deployed.sweep() == SweepEndpointsOutput(checked=0, released=(), mails_sent=0)
    assert deployed.topic.sent == []
