"""What is done for a run that can no longer do it itself: its job, its endpoint, its mail, and what nobody heard of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from finetune.contracts import CleanUpRunInput, CleanUpRunOutput, PromoteModelInput
from finetune.errors import AccessRefused, EndpointBusy, EndpointFailed, ServiceBusy
from finetune.run import Run
from tests.integration.deployed import LATE, STOPPED, Deployed, deliver, down

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


def test_an_endpoint_that_is_still_being_created_is_no_failure_and_the_sweeper_s(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run, minutes=0)
    ended = deployed.end(run, "ABORTED")
    assert deployed.clean_up(ended) == CleanUpRunOutput(mail_sent=True)
    assert deployed.topic.sent == [STOPPED]
    assert f"Still being ended: the endpoint {endpoint.arn}." in deployed.topic.bodies[0]
    deployed.later(30)
    assert deployed.sweep().released == (endpoint.arn,)
    assert deployed.stack.open_arns() == set()


def test_what_is_in_service_stays_when_a_later_run_is_cleaned_up(deployed: Deployed) -> None:
    stack = deployed.stack
    first = stack.request(stack.run())
    stack.promote(first)
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    assert deployed.clean_up(deployed.end(run, "ABORTED")).released == (endpoint.arn,)
    assert stack.open_arns() == {first.throughput.arn}


def test_a_swap_that_the_run_had_begun_is_taken_back_once_nobody_can_be_finishing_it(deployed: Deployed) -> None:
    stack = deployed.stack
    first = stack.request(stack.run())
    stack.promote(first)
    run = deployed.planned()
    second = stack.request(run)
    with pytest.raises(EndpointBusy):
        stack.promote(second)
    ended = deployed.end(run, "ABORTED")
    assert deployed.clean_up(ended) == CleanUpRunOutput(put_off=True)
    assert deployed.topic.sent == []
    for _ in range(3):
        deployed.later()
        deployed.sweep()
    assert stack.published.swap is None
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn
    assert deployed.topic.sent == [STOPPED]


# Clean Up Run: what is published decides


def promoting(deployed: Deployed) -> tuple[Run, PromoteModelInput]:
    """A planned run with its model, before Promote Model."""
    run = deployed.planned()
    request = deployed.stack.request(deployed.stack.run(champion=False))
    return run, request.model_copy(update={"run": run.model_copy(update={"endpoint_name": request.throughput.name})})


def test_a_run_that_is_stopped_after_its_model_was_published_is_told_of_as_promoted(deployed: Deployed) -> None:
    run, request = promoting(deployed)
    deployed.stack.promote(request)
    ended = deployed.end(run, "ABORTED", cause="too late")
    assert deployed.clean_up(ended) == CleanUpRunOutput(put_off=True)
    deployed.later()
    assert deployed.clean_up(ended) == CleanUpRunOutput(mail_sent=True)
    assert deployed.topic.sent == ["Model promoted: shop"]
    [body] = deployed.topic.bodies
    assert f"In service: {request.throughput.arn}" in body
    assert "After that the run ended early: Somebody stopped the execution. Reason given: too late" in body
    assert deployed.stack.open_arns() == {request.throughput.arn}


def test_a_run_that_is_cleaned_up_publishes_nothing_even_if_its_promotion_was_under_way(deployed: Deployed) -> None:
    run, request = promoting(deployed)
    look, ended = deployed.executions.describe_execution, list[CleanUpRunInput]()

    def stopped_since(*, executionArn: str) -> dict[str, Any]:  # noqa: N803 - Step Functions' own names
        seen = look(executionArn=executionArn)
        deployed.executions.describe_execution = look  # type: ignore[method-assign]  # once
        ended.append(deployed.end(run, "ABORTED"))
        deployed.clean_up(ended[0])
        return seen

    deployed.executions.describe_execution = stopped_since  # type: ignore[method-assign]  # a pause in the call
    with pytest.raises(EndpointFailed, match="has been stopped and is cleaned up"):
        deployed.stack.promote(request)
    assert deployed.stack.parameters.values == {}
    assert deployed.topic.sent == [STOPPED]


def test_a_run_that_promotes_is_not_cleaned_up_because_its_execution_was_not_found_once(deployed: Deployed) -> None:
    run, request = promoting(deployed)
    deployed.stack.promote(request)
    ended = deployed.end(run, "ABORTED")
    look = deployed.executions.describe_execution

    def unknown_once(**_: str) -> None:
        deployed.executions.describe_execution = look  # type: ignore[method-assign]  # once
        raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")

    deployed.executions.describe_execution = unknown_once  # type: ignore[method-assign,assignment]  # once
    assert deployed.clean_up(ended).put_off
    deployed.later()
    assert deployed.clean_up(ended).mail_sent


def test_a_run_that_was_stopped_publishes_nothing_even_before_it_is_cleaned_up(deployed: Deployed) -> None:
    run, request = promoting(deployed)
    ended = deployed.end(run, "ABORTED")
    with pytest.raises(EndpointFailed, match="has been stopped"):
        deployed.stack.promote(request)
    assert deployed.stack.parameters.values == {}
    assert deployed.clean_up(ended).mail_sent


def test_an_execution_that_was_redriven_meanwhile_is_left_alone(deployed: Deployed) -> None:
    run = deployed.planned()
    job, ended = deployed.training(run), deployed.end(run, "ABORTED")
    deployed.executions.statuses[run.execution_arn] = "RUNNING"
    assert deployed.clean_up(ended) == CleanUpRunOutput(put_off=True)
    assert (deployed.status_of(job), deployed.topic.sent) == ("InProgress", [])


def test_a_redriven_execution_may_publish_although_it_was_cleaned_up_before(deployed: Deployed) -> None:
    run, request = promoting(deployed)
    ended = deployed.end(run, "ABORTED")
    deployed.stack.emulator.admin.inject("deny-delete-deployment")
    deployed.clean_up(ended.model_copy())
    deployed.executions.statuses[run.execution_arn] = "RUNNING"
    deployed.executions.more[run.execution_arn]["redriveCount"] = 1
    assert deployed.stack.promote(request).endpoint_arn == request.throughput.arn


def test_the_mail_of_a_run_that_was_redriven_corrects_the_first(deployed: Deployed) -> None:
    run = deployed.planned()
    ended = deployed.end(run, "ABORTED")
    deployed.clean_up(ended)
    deployed.end(run, "FAILED", error="ServiceBusy", redriveCount=1)
    assert deployed.sweep().mails_sent == 1
    assert deployed.topic.sent == [STOPPED, "Correction: Run failed (ServiceBusy): shop"]
    assert deployed.sweep().mails_sent == 0


def test_a_model_that_stays_is_named_with_its_price_and_how_to_delete_it(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    deployed.clean_up(deployed.end(run, "TIMED_OUT"))
    name = run.candidates[0].name
    assert f"The custom model {name} is kept and billed" in deployed.topic.bodies[0]
    assert f"`finetune delete {name} --stack stack` deletes it now" in deployed.topic.bodies[0]
    assert "It is deleted on 2026-12-21." in deployed.topic.bodies[0]


def test_what_bedrock_does_not_tell_is_not_denied_in_the_mail(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    ended = deployed.end(run, "TIMED_OUT")
    deployed.stack.emulator.admin.inject("deny-get-job:always")
    with pytest.raises(AccessRefused):
        deployed.clean_up(ended)
    assert "could not be asked" in deployed.topic.bodies[0]
    assert "No endpoint and no job" not in deployed.topic.bodies[0]


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
    assert "Whether a job or an endpoint of this run is left could not be asked" in deployed.topic.bodies[0]
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
        ("ABORTED", {}, "stopped", "Somebody stopped the execution."),
        ("ABORTED", {"error": "Mine", "cause": "a typo"}, "stopped", "the execution. Reason given: Mine: a typo"),
        ("ABORTED", {"cause": "a typo"}, "stopped", "Somebody stopped the execution. Reason given: a typo"),
        ("TIMED_OUT", {}, "failed (States.Timeout)", "The execution reached its time limit."),
        ("FAILED", {"error": "SettingsInvalid", "cause": "a key"}, "failed (SettingsInvalid)", "a key"),
        ("FAILED", {"error": "ServiceBusy", "cause": '{"errorMessage": "Down."}'}, "failed (ServiceBusy)", "Down."),
        ("FAILED", {}, "failed (Unknown)", "Unknown: Unknown"),
    ],
)
def test_the_mail_names_the_ending(
    deployed: Deployed, status: str, more: dict[str, str], name: str, words: str
) -> None:
    deployed.clean_up(deployed.end(deployed.planned(), status, **more))
    assert deployed.topic.sent == [f"Run {name}: shop"]
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
