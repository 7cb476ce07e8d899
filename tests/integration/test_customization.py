"""Customization jobs: started once, whatever is lost on the way, followed to their model, and stopped."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from finetune.aws import customization
from finetune.aws.tags import tags_of
from finetune.contracts import CheckCustomizationOutput, StartCustomizationInput, StartCustomizationOutput
from finetune.domain.customization.jobs import STOPPING_BOUND, request_token
from finetune.environment import CustomizationEnvironment
from finetune.errors import AccessRefused, QuotaExceeded, ServiceBusy, ServiceRefused
from finetune.run import Candidate
from local.bedrock.policy import Statement
from local.bedrock.unknowns import Unknowns
from tests.emulator import JOB_ROLE
from tests.evaluating import Bucket, items, prepared, run
from tests.integration.deployed import RECORDS
from tests.integration.fakes import NOVA, STACK, Conflicting, Stack

ENVIRONMENT = CustomizationEnvironment(STACK_NAME="stack", CUSTOMIZATION_ROLE_ARN="arn:role", MODEL_KMS_KEY_ARN="")


def start(*found: str | None) -> StartCustomizationOutput:
    planned = run()
    candidate = Candidate(index=1, name="shop-c1", hyperparameters={})
    request = StartCustomizationInput(run=planned, prepared=prepared(items(1), Bucket(), planned), candidate=candidate)
    return customization.start_job(cast("Any", Conflicting(iter(found))), request, ENVIRONMENT)


def test_a_job_that_a_lost_attempt_started_a_moment_ago_is_adopted() -> None:
    assert start(None, "arn:job").job_arn == "arn:job"


def test_a_model_name_that_is_taken_is_refused_for_good() -> None:
    with pytest.raises(ServiceRefused, match="starting customization job shop-c1: ConflictException: It is in use"):
        start(None, None)


# Against the emulator

TRAINED_BY = CustomizationEnvironment(STACK_NAME=STACK, CUSTOMIZATION_ROLE_ARN=JOB_ROLE, MODEL_KMS_KEY_ARN="")


def request(stack: Stack, **changes: Any) -> StartCustomizationInput:
    """The request of a run's only candidate, whose training data lies where the job looks for it."""
    planned = stack.run()
    stack.emulator.s3.objects["artifacts/training"] = RECORDS
    candidate = Candidate(index=1, name=f"{planned.endpoint_name}-c1", hyperparameters={"epochCount": "2"})
    return StartCustomizationInput(
        run=planned, prepared=prepared(items(1), Bucket(), planned).model_copy(update=changes), candidate=candidate
    )


def started(stack: Stack, *faults: str) -> StartCustomizationOutput:
    stack.emulator.admin.inject(*faults)
    return customization.start_job(stack.emulator.control, request(stack), TRAINED_BY)


def check(stack: Stack, job: StartCustomizationOutput) -> CheckCustomizationOutput:
    return customization.check_job(stack.emulator.control, job)


def test_a_job_is_started_once_whether_its_answer_arrives_or_not(stack: Stack) -> None:
    asked = request(stack)
    stack.emulator.admin.inject("lose-response-create-job")
    with pytest.raises(ServiceBusy):
        customization.start_job(stack.emulator.control, asked, TRAINED_BY)
    first, second = (customization.start_job(stack.emulator.control, asked, TRAINED_BY) for _ in range(2))
    assert first == second
    [job] = stack.emulator.admin.ledger().jobs
    assert (job.name, job.arn) == (asked.candidate.name, first.job_arn)


@pytest.mark.parametrize("key", ["", "arn:aws:kms:us-east-1:123456789012:key/0"])
@pytest.mark.parametrize("own", [None, "s3://artifacts/validation"])
def test_a_request_says_what_the_run_settled_and_leaves_out_what_it_has_not(
    stack: Stack, own: str | None, key: str
) -> None:
    asked = request(stack, validation_uri=own)
    made = customization.job_request(asked, TRAINED_BY.model_copy(update={"MODEL_KMS_KEY_ARN": key}))
    assert made["jobName"] == made["customModelName"] == asked.candidate.name
    assert made["clientRequestToken"] == request_token(asked.candidate.name)
    assert (made["baseModelIdentifier"], made["customizationType"]) == (NOVA, "FINE_TUNING")
    assert (made["hyperParameters"], made["roleArn"]) == ({"epochCount": "2"}, JOB_ROLE)
    assert made["trainingDataConfig"] == {"s3Uri": asked.prepared.training_uri}
    assert made["outputDataConfig"] == {"s3Uri": asked.run.uri("output/")}
    assert made["jobTags"] == made["customModelTags"] == tags_of(asked.run, STACK)
    assert made.get("validationDataConfig") == (own and {"validators": [{"s3Uri": own}]})
    assert made.get("customModelKmsKeyId") == (key or None)


def test_a_quota_is_waited_for_and_a_refusal_is_not(stack: Stack) -> None:
    with pytest.raises(QuotaExceeded):
        started(stack, "quota-create-job")
    with pytest.raises(AccessRefused):
        started(stack, "deny-create-job")
    assert stack.emulator.admin.ledger().jobs == []


def test_a_quota_that_is_told_of_as_a_wrong_request_is_waited_for_too(stack: Stack) -> None:
    stack.emulator.world.unknowns = Unknowns(over_quota="ValidationException")
    with pytest.raises(QuotaExceeded, match="ValidationException"):
        started(stack, "quota-create-job")


def test_a_role_that_bedrock_cannot_assume_yet_is_a_missing_permission_of_that_role(stack: Stack) -> None:
    trust = stack.emulator.iam.trusts.pop(JOB_ROLE)
    with pytest.raises(AccessRefused, match=f"Could not assume provided IAM role.*{JOB_ROLE}"):
        started(stack)
    stack.emulator.iam.trusts[JOB_ROLE] = trust
    assert started(stack).job_arn


def test_a_job_goes_on_until_its_model_is_active(stack: Stack) -> None:
    job = started(stack)
    stack.clock.advance(2)
    found = check(stack, job)
    assert (found.status, found.elapsed_seconds, found.wait_seconds, found.model_arn) == ("InProgress", 120, 30, None)
    stack.emulator.finish_jobs(stack.clock)
    assert check(stack, job).status == "InProgress"
    stack.clock.advance(5)
    done = check(stack, job)
    assert (done.status, done.phase) == ("Completed", "finishing")
    assert done.model_arn == stack.emulator.model_arn(job.job_name)


@pytest.mark.parametrize(
    ("fault", "status", "failure"),
    [
        ("reject-data=The data is bad.", "Failed", "The data is bad."),
        ("fail-job=It broke.", "Failed", "It broke."),
        ("stop-job", "Stopped", None),
        ("model-fails", "Failed", None),
    ],
)
def test_a_job_that_ends_without_a_model_says_how_in_the_service_s_words(
    stack: Stack, fault: str, status: str, failure: str | None
) -> None:
    job = started(stack, fault)
    stack.emulator.finish_jobs(stack.clock)
    stack.clock.advance(5)
    found = check(stack, job)
    assert (found.status, found.model_arn) == (status, None)
    assert failure is None or found.failure == failure


def test_a_job_that_does_not_begin_to_train_for_a_day_is_stalled(stack: Stack) -> None:
    job = started(stack, "stall-job")
    stack.clock.advance(24 * 60 - 1)
    assert check(stack, job).status == "InProgress"
    stack.clock.advance(1)
    assert check(stack, job).status == "Stalled"


def test_a_job_that_stays_in_stopping_is_waited_for_within_a_bound(stack: Stack) -> None:
    now = stack.clock.now()

    def stopping(since: timedelta) -> Any:
        def found(**_: str) -> dict[str, Any]:
            dated = {"HTTPHeaders": {"date": format_datetime(now, usegmt=True)}}
            times = {"creationTime": now - since, "lastModifiedTime": now - since}
            return {"status": "Stopping", "ResponseMetadata": dated} | times

        return SimpleNamespace(get_model_customization_job=found)

    job = StartCustomizationOutput(job_name="job", job_arn="arn:job")
    second = timedelta(seconds=1)
    for since, status in ((STOPPING_BOUND, "Stopping"), (STOPPING_BOUND + second, "Stalled")):
        assert customization.check_job(stopping(since), job).status == status


def test_a_job_is_stopped_if_it_is_going_on(stack: Stack) -> None:
    job = started(stack)
    stopped = [customization.stop_job(stack.emulator.control, job.job_name) for _ in range(2)]
    assert (stopped, customization.stop_job(stack.emulator.control, "no-such-job")) == ([True, False], False)
    stack.emulator.finish_jobs(stack.clock)
    assert check(stack, job).status == "Stopped"


def test_a_job_is_stopped_by_its_arn_whose_tag_iam_sees_in_any_case(stack: Stack) -> None:
    job = started(stack)
    stack.emulator.world.unknowns = Unknowns(tags_by_name=False)
    tagged = {"StringEquals": {"aws:ResourceTag/finetune-stack": STACK}}
    may: list[Statement] = [
        {"Effect": "Allow", "Action": "bedrock:GetModelCustomizationJob", "Resource": "*"},
        {"Effect": "Allow", "Action": "bedrock:StopModelCustomizationJob", "Resource": "*", "Condition": tagged},
    ]
    control, _ = stack.emulator.clients_of("stopper", *may)
    assert customization.stop_job(control, job.job_name)


@pytest.mark.parametrize(("fault", "stands"), [("conflict", True), ("deny", False)])
def test_a_job_that_ended_before_the_stop_came_was_stopped_and_a_refusal_is_one(
    stack: Stack, fault: str, stands: bool
) -> None:
    job = started(stack)
    stack.emulator.admin.inject(f"{fault}-stop-job")
    if stands:
        assert customization.stop_job(stack.emulator.control, job.job_name)
    else:
        with pytest.raises(AccessRefused):
            customization.stop_job(stack.emulator.control, job.job_name)
