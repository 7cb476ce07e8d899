"""On-demand deployments of custom models."""

from typing import Any

from local.bedrock import endpoints, tags
from local.bedrock.errors import invalid, mutating
from local.bedrock.foundation import lifecycle
from local.bedrock.paging import created_within, listed, page
from local.bedrock.records import CustomModel, Deployment
from local.bedrock.world import Operation, Params, Result, World, find, live, repeated, without_token

READY_MINUTES, SWAP_MINUTES = 8.0, 5.0
MOST, MOST_CREATING = 10, 2


def create(world: World, params: Params) -> Result:
    """Open a deployment, or find the one that the same token opened."""
    earlier = repeated(world.state.deployments, params, invalid)
    if earlier:
        return {"customModelDeploymentArn": earlier.arn}
    name = params["modelDeploymentName"]
    present = live(world.state.deployments)
    endpoints.refuse_used_name([one.name for one in present], name, "custom model deployment")
    model = _deployable(world, params["modelArn"])
    now = world.now()
    if len(present) >= MOST or sum(one.phase(now) == "Creating" for one in present) >= MOST_CREATING:
        raise world.over_quota(
            f"An account has a quota of {MOST} custom model deployments, {MOST_CREATING} of them in Creating."
        )
    deployment = Deployment(
        arn=world.new_arn("custom-model-deployment"),
        name=name,
        created_at=now,
        changed_at=now,
        token=params.get("clientRequestToken"),
        request=without_token(params),
        model_arn=model.arn,
        base_model_id=model.base_model_id,
        ready_at=endpoints.ready_at(world, READY_MINUTES),
        fails=world.faults.take("endpoint-fails") is not None,
    )
    world.tag(deployment.arn, tags.checked(params.get("tags")))
    world.state.deployments[deployment.arn] = deployment
    return {"customModelDeploymentArn": deployment.arn}


def _deployable(world: World, identifier: str) -> CustomModel:
    model = endpoints.active_model(world, identifier)
    if "on_demand" not in model.row.deployments or lifecycle(world, model.row) == "RETIRED":
        raise invalid(f"On-demand deployment is not supported for custom models of {model.base_model_id}.")
    return model


def _existing(world: World, params: Params) -> Deployment:
    found = find(world.state.deployments, params["customModelDeploymentIdentifier"])
    if found is None:
        raise endpoints.unknown(params, "customModelDeploymentIdentifier")
    return found


def _status(world: World, deployment: Deployment) -> str:
    return {"Creating": "Creating", "Ready": "Active", "Failed": "Failed"}[deployment.phase(world.now())]


def get(world: World, params: Params) -> Result:
    """The status of a deployment, by name or ARN."""
    deployment = _existing(world, params)
    status = _status(world, deployment)
    return {
        "customModelDeploymentArn": deployment.arn,
        "modelDeploymentName": deployment.name,
        "modelArn": deployment.serving(world.now()),
        "createdAt": deployment.created_at,
        "status": status,
        "description": deployment.request.get("description"),
        "updateDetails": _update_details(world, deployment),
        "failureMessage": endpoints.FAILURE if status == "Failed" else None,
        "lastUpdatedAt": deployment.seen_changed_at(world.now()),
    }


def _update_details(world: World, deployment: Deployment) -> dict[str, str] | None:
    swap = deployment.swap
    if swap is None or world.now() < swap.seen_at:
        return None
    finished = "UpdateFailed" if swap.fails else "UpdateCompleted"
    return {"modelArn": swap.model_arn, "updateStatus": finished if swap.over(world.now()) else "Updating"}


def list_all(world: World, params: Params) -> Result:
    """Deployments that were not deleted."""
    now = world.now()
    found = [
        one
        for one in live(world.state.deployments)
        if params.get("statusEquals") in {None, _status(world, one)}
        and params.get("modelArnEquals") in {None, one.serving(now)}
        and params.get("nameContains", "") in one.name
        and created_within(one, params.get("createdAfter"), params.get("createdBefore"))
    ]
    shown, token = page(found, params)
    return listed("modelDeploymentSummaries", [_summary(world, one) for one in shown], token)


def _summary(world: World, deployment: Deployment) -> dict[str, Any]:
    details = get(world, {"customModelDeploymentIdentifier": deployment.arn})
    same = ("customModelDeploymentArn", "modelArn", "createdAt", "status", "lastUpdatedAt", "failureMessage")
    return {name: details[name] for name in same} | {"customModelDeploymentName": deployment.name}


def update(world: World, params: Params) -> Result:
    """Put another custom model behind a deployment."""
    deployment = _existing(world, params)
    model = _deployable(world, params["modelArn"])
    endpoints.swap_model(world, deployment, model.arn, SWAP_MINUTES, mutating)
    return {"customModelDeploymentArn": deployment.arn}


def delete(world: World, params: Params) -> Result:
    """Close a deployment; its model stays."""
    deployment = _existing(world, params)
    if endpoints.mutates(world, deployment):
        raise mutating()
    deployment.deleted_at = world.now()
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateCustomModelDeployment": create,
    "GetCustomModelDeployment": get,
    "ListCustomModelDeployments": list_all,
    "UpdateCustomModelDeployment": update,
    "DeleteCustomModelDeployment": delete,
}
