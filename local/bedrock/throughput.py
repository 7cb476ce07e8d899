"""Provisioned throughput: capacity by the hour for a custom model or a base model."""

from datetime import timedelta
from typing import Any

from local.bedrock import endpoints, tags
from local.bedrock.errors import ServiceError, conflict, invalid
from local.bedrock.foundation import by_any_id, lifecycle
from local.bedrock.paging import created_within, listed, page
from local.bedrock.records import Throughput
from local.bedrock.world import Operation, Params, Result, World, find, live, repeated, without_token

READY_MINUTES, SWAP_MINUTES = 25.0, 10.0
MOST_UNITS = 2
_TERMS = {"OneMonth": timedelta(days=30), "SixMonths": timedelta(days=180)}


def create(world: World, params: Params) -> Result:
    """Buy throughput, or find what the same token bought."""
    earlier = repeated(world.state.throughputs, params, invalid)
    if earlier:
        return {"provisionedModelArn": earlier.arn}
    name = params["provisionedModelName"]
    present = live(world.state.throughputs)
    endpoints.refuse_used_name([one.name for one in present], name, "provisioned model")
    model_arn, base_id = _provisionable(world, params["modelId"])
    if sum(one.units for one in present) + params["modelUnits"] > MOST_UNITS:
        raise world.over_quota(f"The account has a quota of {MOST_UNITS} model units for provisioned throughput.")
    now = world.now()
    commitment = params.get("commitmentDuration")
    throughput = Throughput(
        arn=world.new_arn("provisioned-model"),
        name=name,
        created_at=now,
        changed_at=now,
        token=params.get("clientRequestToken"),
        request=without_token(params),
        model_arn=model_arn,
        base_model_id=base_id,
        ready_at=endpoints.ready_at(world, READY_MINUTES),
        fails=world.faults.take("endpoint-fails") is not None,
        units=params["modelUnits"],
        commitment=commitment,
        commitment_ends_at=now + _TERMS[commitment] if commitment else None,
    )
    world.tag(throughput.arn, tags.checked(params.get("tags")))
    world.state.throughputs[throughput.arn] = throughput
    return {"provisionedModelArn": throughput.arn}


def _provisionable(world: World, identifier: str) -> tuple[str, str]:
    """The ARN of the model and the id of its base model."""
    base = by_any_id(world, identifier)
    if base:
        arn, row = world.foundation_model_arn(base[0]), base[1]
    else:
        model = endpoints.active_model(world, identifier)
        arn, row = model.arn, model.row
    if "provisioned" not in row.deployments or lifecycle(world, row) != "ACTIVE":
        raise invalid(f"Provisioned throughput is not supported for the model {identifier}.")
    return arn, row.id


def _existing(world: World, params: Params) -> Throughput:
    found = find(world.state.throughputs, params["provisionedModelId"])
    if found is None:
        raise endpoints.unknown(params, "provisionedModelId")
    return found


def _status(world: World, throughput: Throughput) -> str:
    now = world.now()
    if throughput.swapping(now) and throughput.swap and now >= throughput.swap.seen_at:
        return "Updating"
    return {"Creating": "Creating", "Ready": "InService", "Failed": "Failed"}[throughput.phase(now)]


def get(world: World, params: Params) -> Result:
    """The status of provisioned throughput, by name or ARN."""
    throughput = _existing(world, params)
    status = _status(world, throughput)
    serving = throughput.serving(world.now())
    return {
        "modelUnits": throughput.units,
        "desiredModelUnits": throughput.units,
        "provisionedModelName": throughput.name,
        "provisionedModelArn": throughput.arn,
        "modelArn": serving,
        "desiredModelArn": throughput.swap.model_arn if throughput.swap and status == "Updating" else serving,
        "foundationModelArn": world.foundation_model_arn(throughput.base_model_id),
        "status": status,
        "creationTime": throughput.created_at,
        "lastModifiedTime": throughput.seen_changed_at(world.now()),
        "failureMessage": endpoints.FAILURE if status == "Failed" else None,
        "commitmentDuration": throughput.commitment,
        "commitmentExpirationTime": throughput.commitment_ends_at,
    }


def list_all(world: World, params: Params) -> Result:
    """Provisioned throughput that was not deleted."""
    now = world.now()
    found = [
        one
        for one in live(world.state.throughputs)
        if params.get("statusEquals") in {None, _status(world, one)}
        and params.get("modelArnEquals") in {None, one.serving(now)}
        and params.get("nameContains", "") in one.name
        and created_within(one, params.get("creationTimeAfter"), params.get("creationTimeBefore"))
    ]
    shown, token = page(found, params)
    return listed("provisionedModelSummaries", [_summary(world, one) for one in shown], token)


def _summary(world: World, throughput: Throughput) -> dict[str, Any]:
    details = get(world, {"provisionedModelId": throughput.arn})
    return {name: value for name, value in details.items() if name != "failureMessage"}


def _changing(throughput: Throughput) -> ServiceError:
    return invalid(f"{throughput.arn} is being created or updated.")


def update(world: World, params: Params) -> Result:
    """Rename throughput, or put another model of the same base behind it."""
    throughput = _existing(world, params)
    desired_name, desired_model = params.get("desiredProvisionedModelName"), params.get("desiredModelId")
    if desired_name and desired_name != throughput.name:
        endpoints.refuse_used_name(
            [one.name for one in live(world.state.throughputs)], desired_name, "provisioned model"
        )
    if desired_model:
        model_arn, base_id = _provisionable(world, desired_model)
        if base_id != throughput.base_model_id:
            raise invalid(
                "The model can only be changed to the base model or to a custom model of the same base model."
            )
        endpoints.swap_model(world, throughput, model_arn, SWAP_MINUTES, lambda: _changing(throughput))
    throughput.name = desired_name or throughput.name
    throughput.changed_at = world.now()
    return {}


def delete(world: World, params: Params) -> Result:
    """Give throughput back, if no commitment holds it."""
    throughput = _existing(world, params)
    ends = throughput.commitment_ends_at
    if ends and world.now() < ends:
        raise conflict(f"{throughput.arn} cannot be deleted before its commitment term ends.")
    refused = world.unknowns.delete_creating_throughput
    if endpoints.mutates(world, throughput) and (refused != "deleted" or throughput.swapping(world.now())):
        raise ServiceError("ConflictException" if refused == "deleted" else refused, _changing(throughput).message)
    throughput.deleted_at = world.now()
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateProvisionedModelThroughput": create,
    "GetProvisionedModelThroughput": get,
    "ListProvisionedModelThroughputs": list_all,
    "UpdateProvisionedModelThroughput": update,
    "DeleteProvisionedModelThroughput": delete,
}
