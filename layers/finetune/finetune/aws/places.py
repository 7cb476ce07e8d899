"""Places for endpoints, taken before a job is paid for, so that no more models are trained than can be evaluated.

A run takes a slot in `places/<kind>/` of the artifact bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from finetune.aws import ceilings, clients, endpoints, storage, tags
from finetune.aws.quotas import PLACES, Quota, quota_of
from finetune.aws.slots import Held, Slots
from finetune.aws.tags import PROJECT_TAG, STACK_TAG
from finetune.contracts import PrepareDatasetOutput
from finetune.domain.catalog import BaseModelRow, Deployment, base_model
from finetune.environment import Environment
from finetune.errors import QuotaExceeded
from finetune.letter import of_stack
from finetune.parts import Endpoint
from finetune.run import Run
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_stepfunctions import SFNClient

# Endpoints whose owners a mail names.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Taking:
    """What a place is looked for through."""

    bedrock: BedrockClient
    quotas: ServiceQuotasClient
    s3: S3Client
    stepfunctions: SFNClient
    stack: str

    @classmethod
    def within(cls, environment: Environment) -> Self:
        """One that looks through the clients of this process."""
        return cls(
            bedrock=clients.bedrock(),
            quotas=clients.service_quotas(),
            s3=clients.s3(),
            stepfunctions=clients.stepfunctions(),
            stack=environment.STACK_NAME,
        )


def kinds_of(row: BaseModelRow, settings: Settings, *, served: bool = False) -> tuple[Deployment, ...]:
    """The kinds of endpoint that runs of these settings open; `served` is whether throughput is in service already."""
    in_service: tuple[Deployment, ...] = ("provisioned",) if settings.deployment == "provisioned" and not served else ()
    return tuple(dict.fromkeys((row.cheapest_endpoint, *in_service)))


def kinds_needed(run: Run, row: BaseModelRow) -> tuple[Deployment, ...]:
    """The kinds of endpoint that a run opens: to evaluate its model, and to serve it if the project has none such."""
    champion = run.champion
    served = champion and ":provisioned-model/" in champion.endpoint_arn and champion.units == run.settings.units
    return kinds_of(row, run.settings, served=bool(served))


def take_all(by: Taking, run: Run, prepared: PrepareDatasetOutput) -> None:
    """Take a place among the runs that go on, and one of every kind of endpoint that a run needs to be evaluated.

    All take them in this order, so that no two runs wait for each other.
    """
    ceilings.take_at_once(by.s3, by.stepfunctions, run)
    if prepared.evaluation_items:
        for kind in kinds_needed(run, base_model(run.settings.base_model)):
            take(by, run, kind)


def take(by: Taking, run: Run, kind: Deployment) -> None:
    """Take a place for an endpoint of a run, once; QuotaExceeded while there is none.

    Where the quota is not known a place is taken for granted: Bedrock may still refuse the endpoint.
    """
    quota = quota_of(by.quotas, kind)
    if quota.value is None:
        return
    open_now = endpoints.units(by.bedrock, kind)
    most = quota.value
    size = _size(run, kind)

    def has_room(held: Held) -> bool:
        sizes = _sizes(held)
        others = sum(units for endpoint, units in open_now if endpoint.name not in sizes)
        return others + sum(sizes.values()) + size <= most

    slots = Slots(by.s3, by.stepfunctions, _folder(run, kind))
    holder = {"execution_arn": run.execution_arn, "endpoint": run.endpoint_name, "places": size}
    held = slots.claim(holder, has_room)
    if held:
        in_use = {endpoint: units for endpoint, units in open_now if units}
        names = {endpoint.name for endpoint in in_use}
        waiting = {name: places for name, places in _sizes(held).items() if name not in names}
        raise QuotaExceeded(_full(by, kind, quota, in_use, waiting, size))


def _size(run: Run, kind: Deployment) -> int:
    """How many places of a kind an endpoint of the run takes."""
    return run.settings.units if kind == "provisioned" else 1


def _sizes(held: Held) -> dict[str, int]:
    """The names of the endpoints that slots are taken for, each with how many places it takes."""
    return {holder["endpoint"]: int(holder.get("places", 1)) for holder in held.holders.values()}


def _folder(run: Run, kind: Deployment) -> str:
    bucket, _ = storage.split_uri(run.folder)
    return f"s3://{bucket}/places/{kind}/"


def _full(
    by: Taking, kind: Deployment, quota: Quota, taken: Mapping[Endpoint, int], held: Mapping[str, int], size: int
) -> str:
    what, used, runs = PLACES[kind], sum(taken.values()), len(held)
    needed = "one each" if all(each == 1 for each in held.values()) else f"{sum(held.values())} together"
    wanted = f"No {what} is free" if size == 1 else f"{size} {what}s at once are not free"
    in_use = f"{used} {'is' if used == 1 else 'are'} in use{_owners(by, taken)}, and " if used else ""
    return (
        f"{wanted} for the endpoint of this run, so its model is not trained yet. The account may have "
        f"{quota.value}: {in_use}{runs} going run{'' if runs == 1 else 's'} need {needed}. Delete an endpoint that is "
        f"not needed (`finetune status{of_stack(by.stack)}` lists them), or ask for more in Service Quotas, under "
        f"Amazon Bedrock: '{quota.name}'."
    )


def _owners(by: Taking, taken: Mapping[Endpoint, int]) -> str:
    """Who has the endpoints: the projects of this stack by name, all others together."""
    owners: Counter[str] = Counter()
    for endpoint in list(taken)[:MOST_NAMED]:
        found = tags.read(by.bedrock, endpoint.arn)
        own = found is not None and found[0].get(STACK_TAG) == by.stack
        owners["project " + found[0].get(PROJECT_TAG, "?") if found and own else "others"] += taken[endpoint]
    told = ", ".join(f"{number} by {owner}" for owner, number in sorted(owners.items()))
    return f" ({told})" if told else ""
