"""Customization jobs as their API shows them: what is refused at once, and how a job reads while it runs."""

from collections.abc import Mapping
from typing import Any

from finetune.domain.catalog import BaseModelRow, Hyperparameter
from local.bedrock import foundation, jobs, tags
from local.bedrock.errors import cannot_assume, conflict, invalid, not_found
from local.bedrock.paging import created_within, listed, page
from local.bedrock.policy import trusts
from local.bedrock.records import PHASES, CustomModel, Job, PhaseRecord
from local.bedrock.world import Operation, Params, Result, World, find, live, repeated, without_token

SERVICE = "bedrock.amazonaws.com"
MOST_RUNNING_JOBS = 10
MOST_MODELS = 100


def create_job(world: World, params: Params) -> Result:
    """Start a job, or find the one that the same token started."""
    earlier = repeated(world.state.jobs, params, conflict)
    if earlier:
        return {"jobArn": earlier.arn}
    parent = _parent(world, params["baseModelIdentifier"])
    row = foundation.customizable(world, parent.base_model_id if parent else params["baseModelIdentifier"])
    hyperparameters = _check_request(row, params)
    _check_names(world, params)
    _check_quotas(world)
    now = world.now()
    job = Job(
        arn=world.new_arn("model-customization-job", row.id),
        name=params["jobName"],
        created_at=now,
        changed_at=now,
        token=params.get("clientRequestToken"),
        request=without_token(params),
        base_model_id=row.id,
        customization_type=params.get("customizationType", "FINE_TUNING"),
        hyperparameters=hyperparameters,
        parent_model_arn=parent.arn if parent else None,
        phases={name: PhaseRecord() for name in PHASES},
    )
    _check_trust(world, job)
    world.tag(job.arn, tags.checked(params.get("jobTags")))
    tags.checked(params.get("customModelTags"))
    world.state.jobs[job.arn] = job
    jobs.start(world, job)
    return {"jobArn": job.arn}


def _parent(world: World, identifier: str) -> CustomModel | None:
    parent = find(world.state.models, identifier)
    if parent and parent.status(world.now()) != "Active":
        raise invalid("The custom model to train further is not Active.")
    return parent


def _check_request(row: BaseModelRow, params: Params) -> dict[str, str]:
    method = params.get("customizationType", "FINE_TUNING")
    if method not in row.methods:
        raise invalid(f"The customization type {method} is not supported for the model {row.id}.")
    training = params["trainingDataConfig"]
    if set(training) != {"s3Uri"}:
        raise invalid("Invalid training input data configuration: exactly an s3Uri is supported for this model.")
    validators = params.get("validationDataConfig", {}).get("validators", [])
    if validators and row.validation == "unsupported":
        raise invalid(f"Validation data is not supported for the model {row.id}.")
    for uri in [training["s3Uri"], *(validator["s3Uri"] for validator in validators)]:
        if uri.endswith("/") or uri.count("/") < 3:
            raise invalid(f"Invalid training input data configuration: {uri} is a folder, not a file.")
    return _hyperparameters(row, params.get("hyperParameters", {}))


def _hyperparameters(row: BaseModelRow, given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(given.keys() - row.hyperparameters.keys())
    if unknown:
        raise invalid(f"The hyperparameter {unknown[0]} is not supported for the model {row.id}.")
    for name, value in given.items():
        _check_hyperparameter(name, value, row.hyperparameters[name])
    return {name: rules.default for name, rules in row.hyperparameters.items()} | dict(given)


def _check_hyperparameter(name: str, value: str, rules: Hyperparameter) -> None:
    if value in rules.words:
        return
    try:
        number = int(value) if rules.type == "integer" else float(value)
    except ValueError:
        raise invalid(f"The hyperparameter {name} must be of type {rules.type}, found {value!r}.") from None
    if not rules.minimum <= number <= rules.maximum:
        raise invalid(
            f"The hyperparameter {name} must be between {rules.minimum:g} and {rules.maximum:g}, found {value}."
        )


def _check_names(world: World, params: Params) -> None:
    if find(world.state.jobs, params["jobName"]):
        raise conflict("The provided job name is currently in use.")
    coming = {job.request["customModelName"] for job in world.state.jobs.values() if _running(job)}
    if params["customModelName"] in coming | {model.name for model in live(world.state.models)}:
        raise conflict("The provided custom model name is currently in use.")


def _running(job: Job) -> bool:
    return job.status in {"InProgress", "Stopping"}


def _check_quotas(world: World) -> None:
    if sum(map(_running, world.state.jobs.values())) >= MOST_RUNNING_JOBS:
        raise world.over_quota(f"The account has {MOST_RUNNING_JOBS} scheduled customization jobs, which is its quota.")
    if len(live(world.state.models)) >= MOST_MODELS:
        raise world.over_quota(f"The account has {MOST_MODELS} custom models, which is its quota.")


def _check_trust(world: World, job: Job) -> None:
    role = job.request["roleArn"]
    context = {"aws:SourceAccount": world.account, "aws:SourceArn": job.arn}
    try:
        trusted = trusts(world.policies.trust(role), SERVICE, context)
    except LookupError:
        trusted = False
    if not trusted:
        raise cannot_assume()


def get_job(world: World, params: Params) -> Result:
    """The status of a job, by name or ARN."""
    return _details(_job(world, params))


def _job(world: World, params: Params) -> Job:
    job = find(world.state.jobs, params["jobIdentifier"])
    if job is None:
        raise not_found("The provided job identifier does not exist.")
    return job


def _details(job: Job) -> Result:
    request = job.request
    done = job.status == "Completed"
    losses = job.validation_losses if done else None
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "outputModelName": request["customModelName"],
        "outputModelArn": job.model_arn if done else None,
        "outputModelKmsKeyArn": job.request.get("customModelKmsKeyId"),
        "clientRequestToken": job.token,
        "roleArn": request["roleArn"],
        "status": job.status,
        "statusDetails": _status_details(job),
        "failureMessage": job.failure,
        "creationTime": job.created_at,
        "lastModifiedTime": job.changed_at,
        "endTime": job.ended_at,
        "baseModelArn": job.parent_model_arn or _base_arn(job),
        "hyperParameters": job.hyperparameters,
        "trainingDataConfig": request["trainingDataConfig"],
        "validationDataConfig": request.get("validationDataConfig", {"validators": []}),
        "outputDataConfig": request["outputDataConfig"],
        "customizationType": job.customization_type,
        "trainingMetrics": {"trainingLoss": job.training_loss} if done and job.training_loss is not None else None,
        "validationMetrics": [{"validationLoss": loss} for loss in losses] if losses else None,
        "vpcConfig": request.get("vpcConfig"),
    }


def _base_arn(job: Job | CustomModel) -> str:
    region = job.arn.split(":")[3]
    return f"arn:aws:bedrock:{region}::foundation-model/{job.base_model_id}"


def _status_details(job: Job) -> dict[str, dict[str, Any]]:
    return {
        name: {"status": phase.status, "creationTime": phase.started_at, "lastModifiedTime": phase.changed_at}
        for name, phase in job.phases.items()
    }


def list_jobs(world: World, params: Params) -> Result:
    """Jobs, running and ended."""
    found = [
        job
        for job in world.state.jobs.values()
        if params.get("statusEquals") in {None, job.status}
        and params.get("nameContains", "") in job.name
        and created_within(job, params.get("creationTimeAfter"), params.get("creationTimeBefore"))
    ]
    shown, token = page(found, params)
    return listed("modelCustomizationJobSummaries", [_summary(job) for job in shown], token)


def _summary(job: Job) -> dict[str, Any]:
    details = _details(job)
    same = (
        "jobArn",
        "baseModelArn",
        "jobName",
        "status",
        "statusDetails",
        "lastModifiedTime",
        "creationTime",
        "endTime",
    )
    return {name: details[name] for name in same} | {
        "customModelArn": details["outputModelArn"],
        "customModelName": details["outputModelName"],
        "customizationType": details["customizationType"],
    }


def stop_job(world: World, params: Params) -> Result:
    """Ask a running job to stop."""
    job = _job(world, params)
    if not _running(job):
        raise conflict(f"The job cannot be stopped, its status is {job.status}.")
    job.stop_requested, job.status, job.changed_at = True, "Stopping", world.now()
    return {}


def get_model(world: World, params: Params) -> Result:
    """A custom model, by name or ARN."""
    model = _model(world, params)
    job = world.state.jobs[model.job_arn]
    details = _details(job)
    status = model.status(world.now())
    copied = (
        "customizationType",
        "hyperParameters",
        "trainingDataConfig",
        "validationDataConfig",
        "outputDataConfig",
        "trainingMetrics",
        "validationMetrics",
    )
    return {name: details[name] for name in copied} | {
        "modelArn": model.arn,
        "modelName": model.name,
        "jobName": model.job_name,
        "jobArn": model.job_arn,
        "baseModelArn": details["baseModelArn"],
        "modelKmsKeyArn": details["outputModelKmsKeyArn"],
        "creationTime": model.created_at,
        "modelStatus": status,
        "failureMessage": "The custom model could not be created." if status == "Failed" else None,
    }


def _model(world: World, params: Params) -> CustomModel:
    model = find(world.state.models, params["modelIdentifier"])
    if model is None:
        raise not_found("The provided model identifier does not exist.")
    return model


def list_models(world: World, params: Params) -> Result:
    """Custom models that were not deleted."""
    now = world.now()
    bases = {params.get("baseModelArnEquals"), params.get("foundationModelArnEquals")} - {None}
    found = [
        model
        for model in live(world.state.models)
        if params.get("modelStatus") in {None, model.status(now)}
        and params.get("nameContains", "") in model.name
        and bases <= {_base_arn(model)}
        and params.get("isOwned", True)
        and created_within(model, params.get("creationTimeAfter"), params.get("creationTimeBefore"))
    ]
    shown, token = page(found, params)
    summaries = [
        {
            "modelArn": model.arn,
            "modelName": model.name,
            "creationTime": model.created_at,
            "baseModelArn": world.state.jobs[model.job_arn].parent_model_arn or _base_arn(model),
            "baseModelName": model.base_model_id.partition(":")[0],
            "customizationType": model.customization_type,
            "ownerAccountId": world.account,
            "modelStatus": model.status(now),
        }
        for model in shown
    ]
    return listed("modelSummaries", summaries, token)


def delete_model(world: World, params: Params) -> Result:
    """Delete a custom model that no endpoint uses."""
    model = _model(world, params)
    now = world.now()
    for endpoint in [*live(world.state.deployments), *live(world.state.throughputs)]:
        if model.arn in {
            endpoint.serving(now),
            endpoint.swap.model_arn if endpoint.swapping(now) and endpoint.swap else "",
        }:
            raise conflict(f"The custom model is in use by {endpoint.arn}.")
    model.deleted_at = now
    model.pairs = []
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateModelCustomizationJob": create_job,
    "GetModelCustomizationJob": get_job,
    "ListModelCustomizationJobs": list_jobs,
    "StopModelCustomizationJob": stop_job,
    "GetCustomModel": get_model,
    "ListCustomModels": list_models,
    "DeleteCustomModel": delete_model,
}
