"""What is done for a run that can no longer do it itself: its job, its endpoint, its mail, and what nobody heard of."""

from __future__ import annotations

import json

import pytest

from finetune.aws import serving
from finetune.contracts import (
    CleanUpRunInput,
    CleanUpRunOutput,
)
from finetune.errors import AccessRefused, EndpointBusy, ServiceBusy
from tests.integration.deployed import LATE, STOPPED, Deployed, deliver, down
from tests.integration.fakes import STACK, until_done

# Clean Up Run: what it releases


def test_the_job_of_a_run_that_was_stopped_is_stopped(deployed: Deployed) -> None:
    run = deployed.planned()
    job = deployed.training(run)
    assert deployed.status_of(job) == "InProgress"
    done = deployed.clean_up(deployed.end(run, "ABORTED"))
    assert (done.released, done.mail_sent) == ((job,), True)
    assert deployed.status_of(job) in {"Stopping", "Stopped"}
    assert deployed.topic.sent == [STOPPED]


def test_the_endpoint_of_a_run_that_took_too_long_is_deleted(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    assert deployed.stack.open_arns() == {endpoint.arn}
    assert deployed.clean_up(deployed.end(run, "TIMED_OUT")).released == (endpoint.arn,)
    assert deployed.stack.open_arns() == set()
    assert deployed.topic.sent == [LATE]


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_cleaning_up_twice_does_nothing_more(deployed: Deployed, status: str) -> None:
    run = deployed.planned()
    job, endpoint = deployed.training(run), deployed.evaluating(run)
    ended = deployed.end(run, status)
    assert set(deployed.clean_up(ended).released) == {job, endpoint.arn}
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(), mail_sent=False)
    assert len(deployed.topic.sent) == 1


def test_an_endpoint_that_is_still_being_created_is_waited_for_with_the_mail_sent(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run, minutes=0)
    ended = deployed.end(run, "ABORTED")
    with pytest.raises(EndpointBusy):
        deployed.clean_up(ended)
    assert deployed.topic.sent == [STOPPED]
    released = until_done(lambda: deployed.clean_up(ended), deployed.stack.clock).released
    assert (released, deployed.stack.open_arns(), deployed.topic.sent) == ((endpoint.arn,), set(), [STOPPED])


def test_what_is_in_service_stays_when_a_later_run_is_cleaned_up(deployed: Deployed) -> None:
    stack = deployed.stack
    first = stack.request(stack.run())
    serving.promote(stack.emulator.control, stack.emulator.runtime, stack.ssm, STACK, first)
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    assert deployed.clean_up(deployed.end(run, "ABORTED")).released == (endpoint.arn,)
    assert stack.open_arns() == {first.throughput.arn}


def test_a_swap_that_the_run_had_begun_is_taken_back_before_the_clean_up_is_done(deployed: Deployed) -> None:
    stack = deployed.stack
    first = stack.request(stack.run())
    serving.promote(stack.emulator.control, stack.emulator.runtime, stack.ssm, STACK, first)
    run = deployed.planned()
    second = stack.request(stack.run()).model_copy(update={"run": run})
    with pytest.raises(EndpointBusy):
        serving.promote(stack.emulator.control, stack.emulator.runtime, stack.ssm, STACK, second)
    ended = deployed.end(run, "ABORTED")
    until_done(lambda: deployed.clean_up(ended), stack.clock)
    assert stack.published.swap is None
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn
    assert deployed.topic.sent == [STOPPED]


# Clean Up Run: whose run it is


@pytest.mark.parametrize(
    "told",
    [None, "", "{", "[]", '{"bucket": "datasets"}', '{"key": "x"' * 100_000],
    ids=["too large to be told", "empty", "no JSON", "a list", "keys missing", "cut off"],
)
def test_an_execution_whose_input_cannot_be_read_gets_its_mail_and_nothing_is_touched(
    deployed: Deployed, told: str | None
) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    ended = deployed.end(run, "FAILED", input=told, error="States.Runtime", cause="no such path")
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(), mail_sent=True)
    assert deployed.topic.sent == ["Run failed (States.Runtime): the dropped file"]
    assert run.execution_arn in deployed.topic.bodies[0]
    assert deployed.stack.open_arns() == {endpoint.arn}


def test_an_execution_of_what_is_no_dataset_gets_its_mail(deployed: Deployed) -> None:
    told = {"bucket": "datasets", "key": "incoming/a.zip", "version_id": "1", "event_time": "2026-11-21T12:00:00Z"}
    ended = CleanUpRunInput(execution_arn="arn:execution:zip", status="FAILED", input=json.dumps(told))
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(), mail_sent=True)
    assert deployed.topic.sent == ["Run failed (Unknown): the dropped file"]


def test_an_execution_that_did_not_claim_the_run_leaves_the_run_of_another_alone(deployed: Deployed) -> None:
    run = deployed.planned()
    job, endpoint = deployed.training(run), deployed.evaluating(run)
    foreign = deployed.end(run, "ABORTED").model_copy(update={"execution_arn": "arn:execution:duplicate"})
    deployed.executions.statuses[run.execution_arn] = "RUNNING"
    assert deployed.clean_up(foreign) == CleanUpRunOutput(released=(), mail_sent=True)
    assert (deployed.status_of(job), deployed.stack.open_arns()) == ("InProgress", {endpoint.arn})


def test_a_run_that_nobody_claimed_or_whose_files_have_expired_gets_its_mail(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.bucket.objects.clear()
    assert deployed.clean_up(deployed.end(run, "TIMED_OUT")) == CleanUpRunOutput(released=(), mail_sent=True)


def test_a_run_that_ended_before_its_plan_was_written_is_named_in_its_mail(deployed: Deployed) -> None:
    run = deployed.planned(plan=False)
    assert deployed.clean_up(deployed.end(run, "ABORTED")) == CleanUpRunOutput(released=(), mail_sent=True)
    assert deployed.topic.sent == [STOPPED]
    assert run.run_id in deployed.topic.bodies[0]


# Clean Up Run: its mail


@pytest.mark.parametrize(
    ("status", "more", "name", "words"),
    [
        ("ABORTED", {}, "Aborted", "Somebody stopped the execution."),
        ("ABORTED", {"error": "Mine", "cause": "I stopped it."}, "Aborted", "Somebody stopped the execution."),
        ("TIMED_OUT", {}, "States.Timeout", "The execution reached its time limit."),
        ("FAILED", {"error": "SettingsInvalid", "cause": "settings.yaml: no"}, "SettingsInvalid", "settings.yaml: no"),
        ("FAILED", {"error": "ServiceBusy", "cause": '{"errorMessage": "It is down."}'}, "ServiceBusy", "It is down."),
        ("FAILED", {}, "Unknown", "Unknown: Unknown"),
    ],
)
def test_the_mail_names_the_ending(
    deployed: Deployed, status: str, more: dict[str, str], name: str, words: str
) -> None:
    deployed.clean_up(deployed.end(deployed.planned(), status, **more))
    assert deployed.topic.sent == [f"Run failed ({name}): shop"]
    assert words in deployed.topic.bodies[0]


def test_a_run_that_sent_its_own_mail_is_released_without_another(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    assert deliver(deployed, run, "Dataset rejected: shop")
    ended = deployed.end(run, "FAILED", error="DatasetRejected")
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(endpoint.arn,), mail_sent=False)
    assert deployed.topic.sent == ["Dataset rejected: shop"]


def test_a_mail_that_the_run_wrote_and_could_not_send_is_the_one_that_goes_out(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.topic.before = down
    with pytest.raises(ServiceBusy):
        deliver(deployed, run, "Dataset rejected: shop")
    deployed.topic.before = lambda: None
    assert deployed.clean_up(deployed.end(run, "FAILED", error="DatasetRejected")).mail_sent
    assert deployed.topic.sent == ["Dataset rejected: shop"]


def test_a_mail_that_cannot_be_sent_is_an_error_once_the_rest_is_done_and_goes_out_later(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    ended = deployed.end(run, "ABORTED")
    deployed.topic.before = down
    with pytest.raises(ServiceBusy, match="sending a mail"):
        deployed.clean_up(ended)
    assert deployed.stack.open_arns() == set()
    deployed.topic.before = lambda: None
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(), mail_sent=True)
    assert deployed.topic.sent == [STOPPED]


def test_a_release_that_is_refused_is_an_error_once_the_mail_is_sent_and_is_done_later(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    ended = deployed.end(run, "ABORTED")
    deployed.stack.emulator.admin.inject("deny-delete-deployment")
    with pytest.raises(AccessRefused):
        deployed.clean_up(ended)
    assert deployed.topic.sent == [STOPPED]
    assert deployed.clean_up(ended) == CleanUpRunOutput(released=(endpoint.arn,), mail_sent=False)
