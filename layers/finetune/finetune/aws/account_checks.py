"""What `finetune doctor` asks of the account: its Region, base models, quotas, and whether models answer."""

from __future__ import annotations

from finetune.aws import askable, base_models, clients, customization, endpoints, places
from finetune.aws.askable import Asked
from finetune.aws.examined import Examined, Found, NotAsked
from finetune.aws.quotas import Counted, quota_of
from finetune.aws.translation import translated
from finetune.domain import catalog
from finetune.domain.catalog import Deployment
from finetune.domain.evaluation.pacing import SHARDS_AT_ONCE
from finetune.errors import (
    AccessRefused,
    BaseModelRetired,
    BaseModelUnknown,
    FilesMisplaced,
    ModelNotAskable,
    SettingsInvalid,
    UnsupportedDataset,
)

# Functions of one run at a time, the sweeper and what events start beside it.
FUNCTIONS_AT_ONCE = SHARDS_AT_ONCE + 4
# What IAM says of whoever asks, in contrast to what Bedrock says of a model.
_LACKS_RIGHT = "is not authorized to perform: bedrock:"
_RAISE = "Ask for more in Service Quotas, under Amazon Bedrock: '{name}'."


def identity(by: Examined) -> Found:
    """Who asks, and whether anything is customized in the Region."""
    number, arn = by.account
    here = [row for row in catalog.base_models().values() if by.region in row.regions]
    if not here:
        regions = sorted({region for row in catalog.base_models().values() for region in row.regions})
        return Found(
            "wrong",
            f"{by.region} customizes no base model",
            f"Use {' or '.join(regions)}: set it in AWS_REGION, and deploy the stack there.",
        )
    return Found("ok", f"account {number}, {by.region}, as {arn.rpartition(':')[2]}")


def settings(by: Examined) -> Found:
    """Whether the project's settings can be read."""
    if by.project is None:
        return Found("ok", "the defaults, as no project is named")
    try:
        found = by.settings
        catalog.require_method(catalog.base_model(found.base_model), found.method)
    except (FilesMisplaced, SettingsInvalid, UnsupportedDataset, BaseModelUnknown) as error:
        return Found("wrong", str(error).rstrip("."), f"Mend projects/{by.project}/settings.yaml.")
    return Found("ok", f"projects/{by.project}/settings.yaml, or the defaults")


def takes_jobs(by: Examined) -> Found:
    """Whether Bedrock takes jobs for the base model."""
    row, method = by.row, by.settings.method
    if not any(by.region in each.regions for each in catalog.base_models().values()):
        raise NotAsked(f"{by.region} customizes no base model")
    accepted = base_models.accepts_jobs(clients.bedrock(), row, method)
    try:
        catalog.require_active(row, accepted=accepted, region=by.region)
    except (BaseModelRetired, BaseModelUnknown) as error:
        return Found("wrong", str(error).rstrip("."), "Name another base model in settings.yaml, or another Region.")
    return Found("ok", f"{row.id} takes {method} jobs")


def base_model_answers(by: Examined) -> Found:
    """Whether the base model answers one token."""
    return _answers(by, "base model")


def judge_answers(by: Examined) -> Found:
    """Whether the judge answers one token."""
    return _answers(by, "judge")


def _answers(by: Examined, what: Asked) -> Found:
    model = askable.models_asked(by.row, by.settings).get(what)
    if model is None:
        return Found("ok", f"no {what} is asked by these settings")
    try:
        askable.ask(clients.bedrock_runtime(), what, model)
    except ModelNotAskable as error:
        if _LACKS_RIGHT in str(error):
            raise AccessRefused(str(error.__cause__)) from error
        return Found(
            "wrong",
            f"{model} does not answer: {error.__cause__}",
            "Look at the model in Bedrock's console: access, Marketplace, and the inference profile that it needs.",
        )
    return Found("ok", f"{model} answers")


def deployments(by: Examined) -> Found:
    """Whether there is room for an on-demand deployment."""
    return _places(by, "on_demand")


def model_units(by: Examined) -> Found:
    """Whether there is room for provisioned throughput, of which a new account may have none."""
    return _places(by, "provisioned")


def _places(by: Examined, kind: Deployment) -> Found:
    needed = kind in places.kinds_of(by.row, by.settings)
    used = sum(taken for _, taken in endpoints.units(clients.bedrock(), kind))
    return _room(kind, used, none="wrong" if needed else "ok", why="" if needed else ", and none is needed")


def jobs(_: Examined) -> Found:
    """Whether another customization job may start."""
    return _room("job", len(customization.jobs_in_progress(clients.bedrock())))


def custom_models(_: Examined) -> Found:
    """Whether the account may have another custom model."""
    with translated("listing custom models"):
        pages = clients.bedrock().get_paginator("list_custom_models").paginate()
        used = sum(len(page.get("modelSummaries", [])) for page in pages)
    found = _room("model", used)
    mend = "Delete custom models that nobody needs (`finetune costs` lists those of the stack), or ask for more."
    return found if found.state in {"ok", "not asked"} else found._replace(mend=mend)


def _room(counted: Counted, used: int, *, none: str = "wrong", why: str = "") -> Found:
    """What is left of a quota; `none` is the state of a quota of zero, and no need is no warning."""
    quota = quota_of(clients.service_quotas(), counted)
    if quota.value is None:
        return Found(
            "not asked",
            f"Service Quotas does not tell '{quota.name}'",
            "Give yourself servicequotas:ListServiceQuotas, or look in the console of Service Quotas.",
        )
    text, mend = f"{used} of {quota.value} in use{why}", _RAISE.format(name=quota.name)
    if none == "ok":
        return Found("ok", text)
    if quota.value == 0:
        return Found("wrong", f"the account may have none: '{quota.name}' is 0", mend)
    if used >= quota.value:
        return Found("warning", f"{text}, so that a run would wait", mend)
    return Found("ok", text)


def concurrency(_: Examined) -> Found:
    """Whether Lambda runs as many functions at a time as a run has."""
    with translated("asking for Lambda's concurrency"):
        limit = clients.functions().get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if limit < FUNCTIONS_AT_ONCE:
        mend = "Ask for more in Service Quotas, under AWS Lambda: 'Concurrent executions'."
        return Found("warning", f"{limit} functions at a time, and a run has up to {FUNCTIONS_AT_ONCE}", mend)
    return Found("ok", f"{limit} functions at a time")


def prices(by: Examined) -> Found:
    """How old the catalog's prices are, by which runs are estimated where AWS's price list says nothing."""
    listed = by.row.prices
    if age := listed.age(by.now.date()):
        mend = "Deploy a newer release, or set `prices` in settings.yaml to what AWS asks now."
        return Found("warning", f"the catalog's prices are of {listed.as_of}{age}", mend)
    return Found("ok", f"the catalog's prices are of {listed.as_of}")
