"""What both kinds of endpoint have in common: the model that they may serve, readiness, faults, pace."""

from collections.abc import Callable
from datetime import datetime, timedelta

from local.bedrock.errors import ServiceError, invalid, not_found, throttled
from local.bedrock.records import CustomModel, Endpoint, Swap
from local.bedrock.world import Params, World, find

FAILURE = "An internal error occurred while the endpoint was being created."


def active_model(world: World, identifier: str) -> CustomModel:
    """The custom model of an ARN or a name, if an endpoint can serve it now."""
    model = find(world.state.models, identifier)
    if model is None:
        raise not_found(f"The custom model {identifier} does not exist.")
    if model.status(world.now()) != "Active":
        raise invalid(f"The custom model {model.arn} is not Active.")
    return model


def ready_at(world: World, minutes: float) -> datetime | None:
    """When an endpoint created now will be ready; None for one that suffers `endpoint-never-ready`."""
    stuck = world.faults.take("endpoint-never-ready")
    if stuck:
        return world.now() + timedelta(hours=float(stuck.words)) if stuck.words else None
    return world.now() + timedelta(minutes=minutes)


def refuse_used_name(endpoints: list[str], name: str, what: str) -> None:
    """Neither create operation declares a ConflictException: a used name is a ValidationException."""
    if name in endpoints:
        raise invalid(f"A {what} with the name {name} already exists.")


def swap_model(world: World, endpoint: Endpoint, model_arn: str, minutes: float) -> None:
    """Start to put another model behind an endpoint."""
    now = world.now()
    if endpoint.phase(now) != "Ready" or endpoint.swapping(now):
        raise invalid(f"{endpoint.arn} cannot be updated while it is being created or updated.")
    endpoint.settle(now)
    fails = world.faults.take("update-fails") is not None
    endpoint.swap = Swap(model_arn=model_arn, done_at=now + timedelta(minutes=minutes), fails=fails)
    endpoint.changed_at = now


def delete(world: World, endpoint: Endpoint, refused: Callable[[str], ServiceError]) -> None:
    """Delete an endpoint unless it is on its way to be something else, which each kind refuses with its own error."""
    now = world.now()
    if endpoint.phase(now) == "Creating" or endpoint.swapping(now):
        raise refused(f"{endpoint.arn} cannot be deleted because it is in a mutating state.")
    endpoint.deleted_at = now


def keep_pace(world: World, endpoint: Endpoint, requests_per_minute: int | None) -> None:
    """ThrottlingException once an endpoint has answered its share of the last service minute."""
    if requests_per_minute is None:
        return
    now = world.now()
    endpoint.invocations = [moment for moment in endpoint.invocations if now - moment < timedelta(minutes=1)]
    if len(endpoint.invocations) >= requests_per_minute:
        raise throttled()
    endpoint.invocations.append(now)


def unknown(params: Params, member: str) -> ServiceError:
    """The error of an endpoint that does not exist."""
    return not_found(f"Could not find {params[member]}.")
