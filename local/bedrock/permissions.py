"""Which permissions each operation asks for: IAM's action names on true ARNs, with their tags as context."""

from collections.abc import Callable, Iterable, Mapping

from local.bedrock.customization import SERVICE
from local.bedrock.foundation import bare_id, by_any_id, without_profile
from local.bedrock.policy import Context, Question
from local.bedrock.records import Resource
from local.bedrock.world import Params, World, find

type Tags = Iterable[Mapping[str, str]] | None

# What AWS's page about the encryption of custom models asks for, of whoever makes, serves or asks one under a key.
MAKING = ("Decrypt", "GenerateDataKey", "DescribeKey", "CreateGrant")
SERVING = ("Decrypt", "CreateGrant")
ASKING = ("Decrypt", "GenerateDataKey")

# Where a request through a cross-region inference profile may be answered.
PROFILE_REGIONS = ("us-east-1", "us-east-2", "us-west-2")


def questions(world: World, operation: str, params: Params) -> list[Question]:
    """Every permission that a call needs, in the order in which the service looks at them."""
    return _PERMISSIONS[operation](world, operation, params)


def _ask(action: str, resource: str, context: Context | None = None) -> Question:
    return Question(f"bedrock:{action}", resource, context or {})


def _key_of(world: World, model_arn: str) -> str | None:
    """The customer's key under which a custom model is encrypted."""
    model = find(world.state.models, model_arn)
    job = model and world.state.jobs.get(model.job_arn)
    key: str | None = job.request.get("customModelKmsKeyId") if job else None
    return key


def _keyed(world: World, key: str | None, uses: Iterable[str], model: str, by: str = "") -> list[Question]:
    """What somebody asks of a key through Bedrock, or Bedrock of its own."""
    if key is None:
        return []
    named = "aws:bedrock:custom-model"
    context: dict[str, str | list[str]] = {}
    if world.unknowns.key_context:
        context = {f"kms:EncryptionContext:{named}": model, "kms:EncryptionContextKeys": [named]}
    if by != SERVICE:
        context["kms:ViaService"] = f"bedrock.{world.region}.amazonaws.com"
    return [Question(f"kms:{use}", key, context, by) for use in uses]


def _served(world: World, model: str) -> list[Question]:
    """What an endpoint of a model asks of its key: who opens it, and Bedrock, which prepares the model for it."""
    key = _key_of(world, model)
    return [*_keyed(world, key, SERVING, model), *_keyed(world, key, ASKING, model, SERVICE)]


def _anywhere(_world: World, operation: str, _params: Params) -> list[Question]:
    return [_ask(operation, "*")]


def _on(kind: str, member: str) -> Callable[[World, str, Params], list[Question]]:
    def ask(world: World, operation: str, params: Params) -> list[Question]:
        return [_on_existing(world, operation, kind, params[member])]

    return ask


def _on_existing(world: World, action: str, kind: str, identifier: str, *, tags: bool = True) -> Question:
    arn = _arn(world, kind, identifier)
    return _ask(action, arn, _resource_tags(world, arn) if tags else None)


def _job(world: World, operation: str, params: Params) -> list[Question]:
    identifier = params["jobIdentifier"]
    tags = world.unknowns.tags_by_name or identifier.startswith("arn:")
    return [_on_existing(world, operation, "model-customization-job", identifier, tags=tags)]


def _arn(world: World, kind: str, identifier: str) -> str:
    if identifier.startswith("arn:"):
        return identifier
    collections: Mapping[str, Mapping[str, Resource]] = {
        "model-customization-job": world.state.jobs,
        "custom-model": world.state.models,
        "custom-model-deployment": world.state.deployments,
        "provisioned-model": world.state.throughputs,
    }
    found = find(collections[kind], identifier)
    return found.arn if found else world.arn(kind, identifier)


def _resource_tags(world: World, arn: str) -> Context:
    return {f"aws:ResourceTag/{key}": value for key, value in world.state.tags.get(arn, {}).items()}


def _request_tags(tags: Tags) -> dict[str, str | list[str]]:
    pairs = {tag["key"]: tag["value"] for tag in tags or ()}
    keys: dict[str, str | list[str]] = {"aws:TagKeys": list(pairs)} if pairs else {}
    return keys | {f"aws:RequestTag/{key}": value for key, value in pairs.items()}


def _tagging(resource: str, tags: Tags) -> list[Question]:
    return [_ask("TagResource", resource, _request_tags(tags))] if tags else []


def _foundation_model(world: World, operation: str, params: Params) -> list[Question]:
    return [_ask(operation, world.foundation_model_arn(bare_id(params["modelIdentifier"])))]


def _create_job(world: World, operation: str, params: Params) -> list[Question]:
    parent = find(world.state.models, params["baseModelIdentifier"])
    base = parent.base_model_id if parent else bare_id(params["baseModelIdentifier"])
    job, model = world.arn("model-customization-job", base, "*"), world.arn("custom-model", base, "*")
    start = parent.arn if parent else world.foundation_model_arn(base)
    passed: Context = {"iam:PassedToService": "bedrock.amazonaws.com"}
    return [
        _ask(operation, start, _request_tags(params.get("jobTags"))),
        _ask(operation, model, _request_tags(params.get("customModelTags"))),
        _ask(operation, job, _request_tags(params.get("jobTags"))),
        *_tagging(job, params.get("jobTags")),
        *_tagging(model, params.get("customModelTags")),
        Question("iam:PassRole", params["roleArn"], passed),
        *(
            each
            for by in ("", params["roleArn"])
            for each in _keyed(world, params.get("customModelKmsKeyId"), MAKING, model, by)
        ),
    ]


def _create_deployment(world: World, operation: str, params: Params) -> list[Question]:
    tags = params.get("tags")
    model = params["modelArn"]
    context = {**_resource_tags(world, model), **_request_tags(tags)}
    return [
        _ask(operation, model, context),
        *_tagging(world.arn("custom-model-deployment", "*"), tags),
        *_served(world, model),
    ]


def _update(endpoint: str, endpoint_member: str, model_member: str) -> Callable[[World, str, Params], list[Question]]:
    def ask(world: World, operation: str, params: Params) -> list[Question]:
        seen = world.unknowns.tags_on_update
        asked = [_on_existing(world, operation, endpoint, params[endpoint_member], tags=seen in {"both", "endpoint"})]
        if model_member in params:
            tags = seen in {"both", "model"}
            asked.append(_on_existing(world, operation, "custom-model", params[model_member], tags=tags))
            asked += _served(world, params[model_member])
        return asked

    return ask


def _create_throughput(world: World, operation: str, params: Params) -> list[Question]:
    tags = params.get("tags")
    model = find(world.state.models, params["modelId"])
    foundation = by_any_id(world, params["modelId"])
    arn = model.arn if model else world.foundation_model_arn(foundation[0]) if foundation else params["modelId"]
    context = {**_resource_tags(world, arn), **_request_tags(tags)}
    return [_ask(operation, arn, context), *_tagging(world.arn("provisioned-model", "*"), tags), *_served(world, arn)]


def _tag(world: World, operation: str, params: Params) -> list[Question]:
    arn = params["resourceARN"]
    keys: Context = {"aws:TagKeys": params["tagKeys"]} if "tagKeys" in params else _request_tags(params.get("tags"))
    return [_ask(operation, arn, {**_resource_tags(world, arn), **keys})]


def _asked(world: World, identifier: str) -> list[Question]:
    """What asking an endpoint needs of its model's key."""
    endpoint = world.state.deployments.get(identifier) or world.state.throughputs.get(identifier)
    model = endpoint.serving(world.now()) if endpoint else ""
    return _keyed(world, _key_of(world, model), ASKING, model)


def _invoke(world: World, _operation: str, params: Params) -> list[Question]:
    identifier = params["modelId"].rpartition(":inference-profile/")[2]
    if identifier.startswith("arn:") and ":foundation-model/" not in identifier:
        seen = _resource_tags(world, identifier) if world.unknowns.tags_on_invoke else None
        return [_ask("InvokeModel", identifier, seen), *_asked(world, identifier)]
    model_id = bare_id(identifier)
    foundation = without_profile(model_id)
    if foundation == model_id:
        return [_ask("InvokeModel", world.foundation_model_arn(model_id))]
    profile = world.arn("inference-profile", model_id)
    regions = dict.fromkeys((world.region, *PROFILE_REGIONS))
    return [
        _ask("InvokeModel", profile),
        *(
            _ask(
                "InvokeModel", world.foundation_model_arn(foundation, region), {"bedrock:InferenceProfileArn": profile}
            )
            for region in regions
        ),
    ]


_MODEL = _on("custom-model", "modelIdentifier")
_DEPLOYMENT = _on("custom-model-deployment", "customModelDeploymentIdentifier")
_THROUGHPUT = _on("provisioned-model", "provisionedModelId")

_PERMISSIONS: Mapping[str, Callable[[World, str, Params], list[Question]]] = {
    "CreateModelCustomizationJob": _create_job,
    "GetModelCustomizationJob": _job,
    "StopModelCustomizationJob": _job,
    "ListModelCustomizationJobs": _anywhere,
    "GetCustomModel": _MODEL,
    "DeleteCustomModel": _MODEL,
    "ListCustomModels": _anywhere,
    "CreateCustomModelDeployment": _create_deployment,
    "GetCustomModelDeployment": _DEPLOYMENT,
    "UpdateCustomModelDeployment": _update("custom-model-deployment", "customModelDeploymentIdentifier", "modelArn"),
    "DeleteCustomModelDeployment": _DEPLOYMENT,
    "ListCustomModelDeployments": _anywhere,
    "CreateProvisionedModelThroughput": _create_throughput,
    "GetProvisionedModelThroughput": _THROUGHPUT,
    "UpdateProvisionedModelThroughput": _update("provisioned-model", "provisionedModelId", "desiredModelId"),
    "DeleteProvisionedModelThroughput": _THROUGHPUT,
    "ListProvisionedModelThroughputs": _anywhere,
    "TagResource": _tag,
    "UntagResource": _tag,
    "ListTagsForResource": _tag,
    "GetFoundationModel": _foundation_model,
    "ListFoundationModels": _anywhere,
    "Converse": _invoke,
}
