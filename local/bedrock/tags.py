"""Tags of jobs, models and endpoints."""

from collections.abc import Sequence

from local.bedrock.errors import ServiceError, invalid, not_found
from local.bedrock.world import Operation, Params, Result, World

MOST_TAGS = 50


def checked(tags: Sequence[dict[str, str]] | None) -> Sequence[dict[str, str]]:
    """The tags of a create request, if they are not too many and name no key twice."""
    given = tags or []
    if len({tag["key"] for tag in given}) < len(given):
        raise invalid("A tag key is given more than once.")
    if len(given) > MOST_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource has at most {MOST_TAGS} tags.")
    return given


def _existing(world: World, params: Params) -> str:
    arn = str(params["resourceARN"])
    state = world.state
    for resources in (state.jobs, state.models, state.deployments, state.throughputs):
        if arn in resources and resources[arn].deleted_at is None:
            return arn
    raise not_found(f"The resource {arn} does not exist.")


def tag_resource(world: World, params: Params) -> Result:
    """Lay tags over those that a resource has."""
    arn = _existing(world, params)
    given = checked(params["tags"])
    if len(world.state.tags.get(arn, {}).keys() | {tag["key"] for tag in given}) > MOST_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource has at most {MOST_TAGS} tags.")
    world.tag(arn, given)
    return {}


def untag_resource(world: World, params: Params) -> Result:
    """Take tags off a resource."""
    arn = _existing(world, params)
    kept = world.state.tags.get(arn, {})
    world.state.tags[arn] = {key: value for key, value in kept.items() if key not in params["tagKeys"]}
    return {}


def list_tags(world: World, params: Params) -> Result:
    """The tags of a resource."""
    own = world.state.tags.get(_existing(world, params), {})
    return {"tags": [{"key": key, "value": value} for key, value in own.items()]}


OPERATIONS: dict[str, Operation] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags,
}
