"""Endpoints that serve a custom model: on-demand deployments and provisioned throughput behind one face."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from finetune.aws import tags
from finetune.aws.tags import LEASE_TAG, tags_of
from finetune.aws.translation import is_missing, service_time, translated
from finetune.contracts import CheckEndpointOutput, SelectModelOutput
from finetune.domain.billing.limits import FINISH
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import CREATING_BOUND, next_wait, request_token
from finetune.errors import BudgetReached, EndpointBusy, QuotaExceeded, ServiceRefused
from finetune.foreign import SERVICE_CHARACTERS, foreign
from finetune.parts import Endpoint
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

# Bedrock's words about a deployment in Creating or Updating, whatever its status seems to be.
_MUTATING = "mutating state"

# A status that is not listed is waited out, up to the bound that `check` puts on Creating.
_STATUS: Mapping[str, Literal["Creating", "Ready", "Failed"]] = {
    "Creating": "Creating",
    "Active": "Ready",
    "InService": "Ready",
    "Updating": "Ready",
    "Failed": "Failed",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An endpoint as Bedrock describes it, in one form for both kinds; `as_of` is Bedrock's time.

    `model_arn` is the model that answers now. While `updating`, Bedrock is putting another model behind the endpoint.
    `units` are the model units of throughput.
    """

    endpoint: Endpoint
    status: Literal["Creating", "Ready", "Failed"]
    model_arn: str
    updating: bool
    failure: str | None
    created_at: datetime
    changed_at: datetime
    as_of: datetime
    units: int = 1


def _get_deployment(bedrock: BedrockClient, identifier: str) -> Found:
    answer = bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=identifier)
    update = answer.get("updateDetails", {}).get("updateStatus")
    return Found(
        endpoint=Endpoint(kind="on_demand", name=answer["modelDeploymentName"], arn=answer["customModelDeploymentArn"]),
        status=_STATUS.get(answer["status"], "Creating"),
        model_arn=answer["modelArn"],
        updating=update == "Updating",
        failure=foreign(answer.get("failureMessage", ""), SERVICE_CHARACTERS) or None,
        created_at=answer["createdAt"],
        changed_at=answer.get("lastUpdatedAt", answer["createdAt"]),
        as_of=service_time(answer),
    )


def _get_throughput(bedrock: BedrockClient, identifier: str) -> Found:
    answer = bedrock.get_provisioned_model_throughput(provisionedModelId=identifier)
    return Found(
        endpoint=Endpoint(kind="provisioned", name=answer["provisionedModelName"], arn=answer["provisionedModelArn"]),
        status=_STATUS.get(answer["status"], "Creating"),
        model_arn=answer["modelArn"],
        updating=answer["status"] == "Updating",
        failure=foreign(answer.get("failureMessage", ""), SERVICE_CHARACTERS) or None,
        created_at=answer["creationTime"],
        changed_at=answer["lastModifiedTime"],
        as_of=service_time(answer),
        units=answer["modelUnits"],
    )


def _create_deployment(bedrock: BedrockClient, name: str, model_arn: str, token: str, given: Any, _units: int) -> str:
    return bedrock.create_custom_model_deployment(
        modelDeploymentName=name, modelArn=model_arn, clientRequestToken=token, tags=given
    )["customModelDeploymentArn"]


def _create_throughput(bedrock: BedrockClient, name: str, model_arn: str, token: str, given: Any, units: int) -> str:
    # No commitmentDuration, ever: without one the throughput can be deleted at any time.
    return bedrock.create_provisioned_model_throughput(
        provisionedModelName=name,
        modelId=model_arn,
        modelUnits=units,
        clientRequestToken=token,
        tags=given,
    )["provisionedModelArn"]


@dataclass(frozen=True, slots=True)
class Listed:
    """An endpoint as a list shows it, with the models it serves or is about to serve.

    `places` is how many of its kind it takes of the account's quota; none where another quota counts it.
    """

    endpoint: Endpoint
    models: tuple[str, ...]
    places: int = 1


def _list_deployments(bedrock: BedrockClient) -> Iterator[Listed]:
    for page in bedrock.get_paginator("list_custom_model_deployments").paginate():
        for each in page.get("modelDeploymentSummaries", []):
            name, arn = each["customModelDeploymentName"], each["customModelDeploymentArn"]
            yield Listed(Endpoint(kind="on_demand", name=name, arn=arn), (each["modelArn"],))


def _list_throughputs(bedrock: BedrockClient) -> Iterator[Listed]:
    for page in bedrock.get_paginator("list_provisioned_model_throughputs").paginate():
        for each in page.get("provisionedModelSummaries", []):
            name, arn = each["provisionedModelName"], each["provisionedModelArn"]
            models = (each["modelArn"], each["desiredModelArn"])
            counted = "commitmentDuration" not in each and ":custom-model/" in each["modelArn"]
            yield Listed(Endpoint(kind="provisioned", name=name, arn=arn), models, each["modelUnits"] * counted)


@dataclass(frozen=True, slots=True)
class _Kind:
    get: Callable[[BedrockClient, str], Found]
    create: Callable[[BedrockClient, str, str, str, Any, int], str]
    delete: Callable[[BedrockClient, str], object]
    swap: Callable[[BedrockClient, str, str], object]
    list: Callable[[BedrockClient], Iterator[Listed]]


_KINDS: Mapping[Deployment, _Kind] = {
    "on_demand": _Kind(
        get=_get_deployment,
        create=_create_deployment,
        delete=lambda bedrock, arn: bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn),
        swap=lambda bedrock, arn, model: bedrock.update_custom_model_deployment(
            customModelDeploymentIdentifier=arn, modelArn=model
        ),
        list=_list_deployments,
    ),
    "provisioned": _Kind(
        get=_get_throughput,
        create=_create_throughput,
        delete=lambda bedrock, arn: bedrock.delete_provisioned_model_throughput(provisionedModelId=arn),
        swap=lambda bedrock, arn, model: bedrock.update_provisioned_model_throughput(
            provisionedModelId=arn, desiredModelId=model
        ),
        list=_list_throughputs,
    ),
}


def find(bedrock: BedrockClient, kind: Deployment, identifier: str) -> Found | None:
    """An endpoint by name or ARN; None when there is none."""
    with translated(f"looking for endpoint {identifier}"):
        try:
            return _KINDS[kind].get(bedrock, identifier)
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def open_endpoint(
    bedrock: BedrockClient,
    run: Run,
    model: SelectModelOutput,
    leases: Mapping[Deployment, timedelta],
    *,
    stack: str,
    purpose: Literal["evaluation", "service"] = "evaluation",
    limit: str = "the budget",
) -> Endpoint:
    """Open the endpoint of a run, of the first kind that no quota refuses, or return the one already open.

    `leases` are the kinds with how long an endpoint of each may live. Neither create call reports a conflict, so the
    endpoint is looked up by its name first. One for service has a request token of its own, and another one after each
    rematch, because Bedrock ignores a token that made what was deleted. Raises QuotaExceeded if the quotas of all kinds
    are used up, and BudgetReached, which names the limit, if the budget pays for none of them.
    """
    name, model_arn = run.endpoint_name, model.model_arn
    if model_arn is None:
        raise ServiceRefused(f"run {run.run_id} has no custom model to open an endpoint for.")
    if existing := _existing(bedrock, name, leases):
        return existing
    if not leases:
        raise BudgetReached(f"What is left of {limit} does not pay for throughput for as long as it is needed.")
    with translated(f"asking for the service's time before opening endpoint {name}"):
        now = service_time(bedrock.list_custom_model_deployments(nameContains=name))
    refusals, opening = [], f"-service-{run.rematches}" if purpose == "service" else ""
    for kind, lease in leases.items():
        token = request_token(f"{name}-{kind.replace('_', '-')}{opening}")
        given = tags_of(run, stack, **{LEASE_TAG: f"{now + lease:%Y-%m-%dT%H:%M:%SZ}"})
        try:
            with translated(f"opening {kind} endpoint {name}"):
                arn = _KINDS[kind].create(bedrock, name, model_arn, token, given, run.settings.units)
        except QuotaExceeded as error:
            refusals.append(str(error))
        else:
            opened = Endpoint(kind=kind, name=name, arn=arn)
            return opened if kind == "on_demand" else _existing(bedrock, name, {kind: lease}) or opened
    raise QuotaExceeded(" ".join(refusals))


def _existing(bedrock: BedrockClient, name: str, leases: Mapping[Deployment, timedelta]) -> Endpoint | None:
    """The endpoint of a name that is open already, with the end of what is paid for it."""
    for kind, lease in leases.items():
        if found := find(bedrock, kind, name):
            until = found.created_at + lease - FINISH if kind == "provisioned" else None
            return found.endpoint.model_copy(update={"until": until})
    return None


def check(bedrock: BedrockClient, endpoint: Endpoint) -> CheckEndpointOutput:
    """Whether an endpoint answers yet, by the service's clock."""
    with translated(f"checking endpoint {endpoint.name}"):
        found = _KINDS[endpoint.kind].get(bedrock, endpoint.arn)
    elapsed = found.as_of - found.created_at
    paid = endpoint.until is None or found.as_of < endpoint.until
    late = found.status == "Creating" and (elapsed > CREATING_BOUND or not paid)
    why = f"It was still Creating after {elapsed}{'' if paid else ', and the budget does not cover more time'}."
    return CheckEndpointOutput(
        status="Failed" if late else found.status,
        elapsed_seconds=int(elapsed.total_seconds()),
        wait_seconds=next_wait(elapsed),
        failure=why if late else found.failure or _no_reason(found),
    )


def _no_reason(found: Found) -> str | None:
    return "The service gave no reason." if found.status == "Failed" else None


def start_swap(bedrock: BedrockClient, endpoint: Endpoint, model_arn: str) -> None:
    """Ask for another model behind an endpoint's ARN; it takes minutes, and the old one answers meanwhile."""
    try:
        with translated(f"putting {model_arn} behind {endpoint.arn}"):
            _KINDS[endpoint.kind].swap(bedrock, endpoint.arn, model_arn)
    except ServiceRefused as error:
        # An update whose response was lost refuses its own repetition.
        found = find(bedrock, endpoint.kind, endpoint.arn)
        if not (found and _is_changing(found, error)):
            raise


def _is_changing(found: Found, error: ServiceRefused) -> bool:
    """Whether another model is being put behind an endpoint; the refusal may tell that before the status does."""
    return found.updating or (found.status == "Ready" and _MUTATING in str(error))


def release(bedrock: BedrockClient, endpoint: Endpoint) -> bool:
    """Delete an endpoint; whether there was one. EndpointBusy while it is Creating or Updating."""
    try:
        with translated(f"deleting endpoint {endpoint.name}", conflict=EndpointBusy):
            _KINDS[endpoint.kind].delete(bedrock, endpoint.arn)
    except ServiceRefused as error:
        # A deployment that is Creating or Updating is refused as if the request were wrong.
        found = find(bedrock, endpoint.kind, endpoint.arn)
        if found and (found.status == "Creating" or _is_changing(found, error)):
            raise EndpointBusy(str(error)) from error
        if found:
            raise
        return False
    return True


def opened_by(bedrock: BedrockClient, run: Run) -> list[Found]:
    """The endpoints of either kind that exist under a run's name, whatever came of them."""
    return list(filter(None, (find(bedrock, kind, run.endpoint_name) for kind in _KINDS)))


@dataclass(frozen=True, slots=True)
class Tagged:
    """An endpoint of an account with its tags; `as_of` is the service's time."""

    endpoint: Endpoint
    tags: Mapping[str, str]
    as_of: datetime


def all_endpoints(bedrock: BedrockClient) -> list[Endpoint]:
    """Every endpoint in the account and Region, whoever opened it."""
    return [listed.endpoint for listed in _listed(bedrock)]


KINDS: tuple[Deployment, ...] = tuple(_KINDS)


def units(bedrock: BedrockClient, kind: Deployment) -> list[tuple[Endpoint, int]]:
    """Every endpoint of a kind, whoever opened it, with the places that it takes of the account's quota."""
    with translated(f"listing {kind} endpoints"):
        return [(listed.endpoint, listed.places) for listed in _KINDS[kind].list(bedrock)]


def models_served(bedrock: BedrockClient, *, but: Collection[str] = ()) -> set[str]:
    """The ARNs of the models that any endpoint of the account serves or is about to serve, `but` these endpoints."""
    return {arn for listed in _listed(bedrock) if listed.endpoint.arn not in but for arn in listed.models}


def _listed(bedrock: BedrockClient) -> Iterator[Listed]:
    for kind, operations in _KINDS.items():
        with translated(f"listing {kind} endpoints"):
            yield from operations.list(bedrock)


def tagged(bedrock: BedrockClient, endpoint: Endpoint) -> Tagged | None:
    """An endpoint with its tags; None when it has gone since it was listed."""
    found = tags.read(bedrock, endpoint.arn)
    return Tagged(endpoint, *found) if found else None
