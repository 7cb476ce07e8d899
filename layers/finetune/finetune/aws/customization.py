"""Model customization jobs and the models they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from botocore.exceptions import ClientError

from finetune.aws.tags import tags_of
from finetune.aws.translation import code_of, is_missing, service_time, translated
from finetune.contracts import CheckCustomizationOutput, StartCustomizationInput, StartCustomizationOutput
from finetune.domain.customization.jobs import STOPPING_BOUND, is_stalled, next_wait, phase_of, request_token
from finetune.environment import CustomizationEnvironment
from finetune.errors import AccessRefused, ServiceBusy, ServiceRefused
from finetune.foreign import SERVICE_CHARACTERS, foreign

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


Training = Literal["not started", "going", "with model", "without model"]


def find_job(bedrock: BedrockClient, name: str) -> Any:
    """GetModelCustomizationJob by name or ARN; None when there is none."""
    with translated(f"looking for customization job {name}"):
        try:
            return bedrock.get_model_customization_job(jobIdentifier=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def start_job(
    bedrock: BedrockClient,
    request: StartCustomizationInput,
    environment: CustomizationEnvironment,
    *,
    before: Callable[[], None] = lambda: None,
) -> StartCustomizationOutput:
    """Start a candidate's job, or adopt the one that an earlier attempt started under the same name.

    `before` is called before a job is started, and may refuse that.
    """
    name = request.candidate.name
    if existing := find_job(bedrock, name):
        return StartCustomizationOutput(job_name=name, job_arn=existing["jobArn"])
    before()
    try:
        with translated(f"starting customization job {name}"):
            job_arn = bedrock.create_model_customization_job(**job_request(request, environment))["jobArn"]
    except ServiceRefused as error:
        # An attempt whose answer was lost came first, or the model's name is taken.
        if (existing := find_job(bedrock, name)) is None:
            if "Could not assume" in str(error):  # a role that is new or was changed lately
                raise AccessRefused(f"{error} The role is {environment.CUSTOMIZATION_ROLE_ARN}.") from error
            raise
        job_arn = existing["jobArn"]
    return StartCustomizationOutput(job_name=name, job_arn=job_arn)


def job_request(request: StartCustomizationInput, environment: CustomizationEnvironment) -> Any:
    """CreateModelCustomizationJob's parameters; the token follows from the name, so a repeat starts nothing new."""
    run, candidate, prepared = request.run, request.candidate, request.prepared
    tags = tags_of(run, environment.STACK_NAME)
    parameters: dict[str, Any] = {
        "jobName": candidate.name,
        "customModelName": candidate.name,
        "roleArn": environment.CUSTOMIZATION_ROLE_ARN,
        "clientRequestToken": request_token(candidate.name),
        "baseModelIdentifier": run.settings.base_model,
        "customizationType": run.settings.method,
        "hyperParameters": candidate.hyperparameters,
        "trainingDataConfig": {"s3Uri": prepared.training_uri},
        "outputDataConfig": {"s3Uri": run.uri("output/")},
        "jobTags": tags,
        "customModelTags": tags,
    }
    if prepared.validation_uri:
        parameters["validationDataConfig"] = {"validators": [{"s3Uri": prepared.validation_uri}]}
    if environment.MODEL_KMS_KEY_ARN:
        parameters["customModelKmsKeyId"] = environment.MODEL_KMS_KEY_ARN
    return parameters


def check_job(bedrock: BedrockClient, job: StartCustomizationOutput) -> CheckCustomizationOutput:
    """How far a job is, by the service's clock; Completed only once its custom model is Active."""
    with translated(f"checking customization job {job.job_name}"):
        found = bedrock.get_model_customization_job(jobIdentifier=job.job_arn)
    details = cast("Mapping[str, Mapping[str, object]]", found.get("statusDetails", {}))
    elapsed, phase = service_time(found) - found["creationTime"], phase_of(details)
    status: str = found["status"]
    failure = _words(found.get("failureMessage"))
    if status == "Completed":
        status, failure = _model_status(bedrock, job.job_name)
        phase = "finishing"
    elif status == "InProgress" and is_stalled(elapsed=elapsed, phase=phase):
        status = "Stalled"
    elif (
        status == "Stopping"
        and service_time(found) - found.get("lastModifiedTime", found["creationTime"]) > STOPPING_BOUND
    ):
        status, failure = "Stalled", f"It has been Stopping for more than {STOPPING_BOUND}."
    return CheckCustomizationOutput.model_validate(
        {
            **job.payload(),
            "status": status,
            "phase": phase,
            "elapsed_seconds": int(elapsed.total_seconds()),
            "wait_seconds": next_wait(elapsed),
            "model_arn": found.get("outputModelArn") if status == "Completed" else None,
            "failure": failure,
        }
    )


def _model_status(bedrock: BedrockClient, name: str) -> tuple[str, str | None]:
    """A job may complete before its model is Active, and the model may still fail."""
    with translated(f"checking custom model {name}"):
        model = bedrock.get_custom_model(modelIdentifier=name)
    status = {"Active": "Completed", "Failed": "Failed"}.get(model.get("modelStatus", "Active"), "InProgress")
    return status, _words(model.get("failureMessage"))


def _words(failure: str | None) -> str | None:
    """What Bedrock says of a failure, which may repeat what stands in a dataset."""
    return failure and foreign(failure, SERVICE_CHARACTERS)


# What Bedrock still works on; a job that is Stopping has not ended.
STATUSES_GOING: tuple[Literal["InProgress", "Stopping"], ...] = ("InProgress", "Stopping")
GOING = frozenset(STATUSES_GOING)


def training_of(bedrock: BedrockClient, name: str) -> tuple[Training, CheckCustomizationOutput | None]:
    """What came of the training under this name; its job only if it has a model that still exists.

    It is still `going` while its model is not Active.
    """
    found = find_job(bedrock, name)
    if found is None:
        _require_gone(bedrock, "job", name)
        return "not started", None
    if found["status"] in GOING:
        return "going", None
    if found["status"] != "Completed":
        return "without model", None
    if model_arn(bedrock, found["outputModelArn"]) is None:
        _require_gone(bedrock, "model", found["outputModelName"])
        return "without model", None
    progress = check_job(bedrock, StartCustomizationOutput(job_name=name, job_arn=found["jobArn"]))
    ended: dict[str, Training] = {"Completed": "with model", "Failed": "without model"}
    training = ended.get(progress.status, "going")
    return training, progress if training == "with model" else None


def status_of(bedrock: BedrockClient, name: str) -> str | None:
    """The status of the job of this name; None when there is none."""
    found = find_job(bedrock, name)
    return found and str(found["status"])


def model_arn(bedrock: BedrockClient, name: str) -> str | None:
    """The custom model of this name, whose storage is billed; None when there is none."""
    with translated(f"looking for custom model {name}"):
        try:
            return bedrock.get_custom_model(modelIdentifier=name)["modelArn"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def _require_gone(bedrock: BedrockClient, what: Literal["job", "model"], name: str) -> None:
    """ServiceBusy while what was not found is listed: a model that is trained again on one answer is paid twice."""
    with translated(f"looking for the {what} {name} in the list"):
        if what == "model":
            models = bedrock.get_paginator("list_custom_models").paginate(nameContains=name)
            listed = [each["modelName"] for page in models for each in page.get("modelSummaries", [])]
        else:
            jobs = bedrock.get_paginator("list_model_customization_jobs").paginate(nameContains=name)
            listed = [each["jobName"] for page in jobs for each in page.get("modelCustomizationJobSummaries", [])]
    if name in listed:
        raise ServiceBusy(f"Bedrock lists the {what} {name}, and does not find it.")


def jobs_in_progress(
    bedrock: BedrockClient, status: Literal["InProgress", "Stopping"] = "InProgress"
) -> list[tuple[str, str]]:
    """The name and ARN of every job of the account and Region that is going, whoever started it."""
    with translated("listing customization jobs"):
        pages = bedrock.get_paginator("list_model_customization_jobs").paginate(statusEquals=status)
        return [
            (job["jobName"], job["jobArn"]) for page in pages for job in page.get("modelCustomizationJobSummaries", [])
        ]


def stop_job(bedrock: BedrockClient, name: str) -> bool:
    """Stop a job that is still going; whether there was anything to stop."""
    found = find_job(bedrock, name)
    if found is None or found["status"] != "InProgress":
        return False
    with translated(f"stopping customization job {name}"):
        try:
            # By its ARN, because the permission depends on the job's tag.
            bedrock.stop_model_customization_job(jobIdentifier=found["jobArn"])
        except ClientError as error:
            # The job may end between the look and the stop.
            if code_of(error) not in {"ConflictException", "ValidationException"}:
                raise
    return True
