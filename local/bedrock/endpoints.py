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


def mutates(world: World, endpoint: Endpoint) -> bool:
    """Whether an endpoint is on its way to be something else, which refuses to be updated or deleted."""
    now = world.now()
    return endpoint.phase(now) == "Creating" or endpoint.swapping(now)


def swap_model(
    world: World, endpoint: Endpoint, model_arn: str, minutes: float, refused: Callable[[], ServiceError]
) -> None:
    """Start to put another model behind an endpoint."""
    now = world.now()
    if mutates(world, endpoint):
        raise refused()
    if endpoint.phase(now) == "Failed":
        raise invalid(f"{endpoint.arn} has failed and cannot be updated.")
    endpoint.settle(now)
    fails = world.faults.take("update-fails") is not None
    seen_at = now + timedelta(minutes=world.unknowns.update_unseen_minutes)
    before = now if world.unknowns.update_moves_time else endpoint.changed_at
    done_at = now + timedelta(minutes=minutes)
    endpoint.swap = Swap(model_arn=model_arn, done_at=done_at, fails=fails, seen_at=seen_at, changed_before=before)
    endpoint.changed_at = now


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
