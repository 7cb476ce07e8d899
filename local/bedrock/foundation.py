"""Base models: which exist, which can be customized, and what the service says of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from finetune.domain.catalog import BaseModelRow, base_models
from local.bedrock.errors import ServiceError, invalid, past_its_end
from local.bedrock.world import Operation, Params, Result, World

_ARN_RESOURCE = ":foundation-model/"


def bare_id(identifier: str) -> str:
    """The id in a base model's ARN, or the id itself."""
    return identifier.partition(_ARN_RESOURCE)[2] or identifier


def without_profile(inference_id: str) -> str:
    """An inference id without the region prefix of its profile."""
    prefix, _, rest = inference_id.partition(".")
    return rest if prefix in {"us", "global"} else inference_id


def lifecycle(world: World, row: BaseModelRow) -> Literal["ACTIVE", "LEGACY", "RETIRED"]:
    """The present status of a base model; an activated one is active also if the catalog says otherwise."""
    if row.lifecycle.status == "active" or row.id in world.state.activated:
        return "ACTIVE"
    end = end_of_life(row)
    return "LEGACY" if end and world.now() < end else "RETIRED"


def end_of_life(row: BaseModelRow) -> datetime | None:
    """When a retired base model goes or went away, if that was published."""
    return datetime.fromisoformat(row.lifecycle.since).replace(tzinfo=UTC) if row.lifecycle.since else None


def offered_here(world: World, row: BaseModelRow) -> bool:
    """Whether a base model can be customized in this region."""
    return world.state.any_region or world.region in row.regions


def customizable(world: World, identifier: str) -> BaseModelRow:
    """The base model of a new job; a ValidationException in the service's words for any that takes none."""
    row = base_models().get(bare_id(identifier))
    if row is None or row.api != "bedrock" or not offered_here(world, row) or lifecycle(world, row) != "ACTIVE":
        raise invalid("The provided model identifier is invalid.")
    return row


def by_any_id(world: World, identifier: str) -> tuple[str, BaseModelRow] | None:
    """The id as asked for and the row of a base model that has not reached its end of life."""
    model_id = bare_id(identifier)
    return next(((model_id, row) for row in _known(world) if model_id in _ids(row)), None)


def _known(world: World) -> list[BaseModelRow]:
    return [row for row in base_models().values() if offered_here(world, row) and lifecycle(world, row) != "RETIRED"]


def _ids(row: BaseModelRow) -> list[str]:
    return list(dict.fromkeys((row.id, row.foundation_model_id, without_profile(row.inference_id))))


def _details(world: World, model_id: str, row: BaseModelRow) -> dict[str, Any]:
    stage = lifecycle(world, row)
    formats = {rules.record_format for rules in row.methods.values()}
    variant = model_id == row.id
    return {
        "modelArn": world.foundation_model_arn(model_id),
        "modelId": model_id,
        "modelName": row.name.removeprefix(f"{row.provider} "),
        "providerName": row.provider,
        "inputModalities": ["TEXT", "IMAGE"] if row.media else ["TEXT"],
        "outputModalities": ["EMBEDDING" if "embed" in row.id else "IMAGE"]
        if formats == {"image_caption"}
        else ["TEXT"],
        "responseStreamingSupported": formats != {"image_caption"},
        "customizationsSupported": list(row.methods) if variant and world.unknowns.names_methods else [],
        "inferenceTypesSupported": _inference_types(row, variant=variant),
        "modelLifecycle": {"status": stage, "endOfLifeTime": end_of_life(row) if stage == "LEGACY" else None},
    }


def _inference_types(row: BaseModelRow, *, variant: bool) -> list[str]:
    on_demand = model_is_bare(row) and (not variant or row.id == without_profile(row.inference_id))
    provisioned = variant and "provisioned" in row.deployments
    return [name for name, supported in (("ON_DEMAND", on_demand), ("PROVISIONED", provisioned)) if supported]


def model_is_bare(row: BaseModelRow) -> bool:
    """Whether a base model is invoked by its own id, without an inference profile."""
    return without_profile(row.inference_id) == row.inference_id


def get_foundation_model(world: World, params: Params) -> Result:
    """A base model, by any of its ids or its ARN."""
    found = by_any_id(world, params["modelIdentifier"])
    if found is None:
        asked = bare_id(params["modelIdentifier"])
        if any(asked in _ids(row) and offered_here(world, row) for row in base_models().values()):
            raise past_its_end()
        raise ServiceError(world.unknowns.absent_model, "The provided model identifier is invalid.")
    return {"modelDetails": _details(world, *found)}


def list_foundation_models(world: World, params: Params) -> Result:
    """Base models that have not reached their end of life."""
    details = [_details(world, model_id, row) for row in _known(world) for model_id in _ids(row)]
    return {"modelSummaries": [one for one in details if all(test(one, params) for test in _FILTERS)]}


def _filter(parameter: str, member: str) -> Callable[[dict[str, Any], Params], bool]:
    def test(details: dict[str, Any], params: Params) -> bool:
        wanted = params.get(parameter)
        return wanted is None or wanted == details[member] or wanted in details[member]

    return test


_FILTERS = (
    lambda details, params: params.get("byProvider", "").lower() in {"", details["providerName"].lower()},
    _filter("byCustomizationType", "customizationsSupported"),
    _filter("byOutputModality", "outputModalities"),
    _filter("byInferenceType", "inferenceTypesSupported"),
)

OPERATIONS: dict[str, Operation] = {
    "GetFoundationModel": get_foundation_model,
    "ListFoundationModels": list_foundation_models,
}
