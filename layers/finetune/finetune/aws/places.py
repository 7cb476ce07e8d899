"""Places for endpoints, taken before a job is paid for, so that no more models are trained than can be evaluated.

A run takes a slot: `places/<kind>/<slot>-<number>.json` in the artifact bucket, written only if it is not there. It has
it until its execution has ended; then the next number of the slot is free. All who look for a slot try the lowest free
one, so that of two who count at the same time one comes second and counts again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import orjson

from finetune.aws import clients, endpoints, executions, storage, tags
from finetune.aws.quotas import PLACES, Quota, quota_of
from finetune.aws.tags import PROJECT_TAG, STACK_TAG
from finetune.contracts import PrepareDatasetOutput
from finetune.domain.catalog import BaseModelRow, Deployment, base_model
from finetune.environment import Environment
from finetune.errors import QuotaExceeded
from finetune.parts import Endpoint
from finetune.run import Run

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


def kinds_needed(run: Run, row: BaseModelRow) -> tuple[Deployment, ...]:
    """The kinds of endpoint that a run opens: to evaluate its model, and to serve it if the project has none such."""
    needed = [row.cheapest_endpoint]
    champion = run.champion
    served = champion and ":provisioned-model/" in champion.endpoint_arn and champion.units == run.settings.units
    if run.settings.deployment == "provisioned" and not served:
        needed.append("provisioned")
    return tuple(dict.fromkeys(needed))


def take_all(by: Taking, run: Run, prepared: PrepareDatasetOutput) -> None:
    """Take a place of every kind that a run needs, unless there is nothing to evaluate."""
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
    held: dict[str, int] = {}
    for believed in (True, False):  # whether the execution behind a slot goes on is asked only if that matters
        found = _holding(by, run, kind, open_now, quota.value, believed=believed)
        if found is None:
            return
        held = found
    in_use = {endpoint: units for endpoint, units in open_now if units}
    for endpoint in in_use:
        held.pop(endpoint.name, None)
    raise QuotaExceeded(_full(by, kind, quota, in_use, held, _size(run, kind)))


def _size(run: Run, kind: Deployment) -> int:
    """How many places of a kind an endpoint of the run takes."""
    return run.settings.units if kind == "provisioned" else 1


_Held = Mapping[int, tuple[int, Mapping[str, Any] | None]]


def _holding(
    by: Taking, run: Run, kind: Deployment, open_now: list[tuple[Endpoint, int]], most: float, *, believed: bool
) -> dict[str, int] | None:
    """The names of the endpoints that places are taken for, each with how many; None once the run has its own."""
    while True:
        held = _held(by, run, kind, believed=believed)
        if any(holder["execution_arn"] == run.execution_arn for _, holder in held.values() if holder):
            return None
        found = {str(each["endpoint"]): int(each.get("places", 1)) for _, each in held.values() if each}
        taken = sum(units for endpoint, units in open_now if endpoint.name not in found) + sum(found.values())
        if taken + _size(run, kind) > most:
            return found
        if _write(by, run, kind, held):
            return None


def _held(by: Taking, run: Run, kind: Deployment, *, believed: bool) -> _Held:
    """By slot its latest number and who has it; nobody has one whose execution has ended."""
    latest: dict[int, int] = {}
    for uri in storage.keys_under(by.s3, _folder(run, kind)):
        slot, _, number = uri.rpartition("/")[2].removesuffix(".json").partition("-")
        latest[int(slot)] = max(latest.get(int(slot), 0), int(number))
    found: dict[int, tuple[int, Mapping[str, Any] | None]] = {}
    for place, newest in latest.items():
        holder = orjson.loads(storage.read(by.s3, _uri(run, kind, place, newest)) or b"null")
        goes_on = holder and (believed or _goes_on(by, holder["execution_arn"]))
        found[place] = newest, holder if goes_on else None
    return found


def _goes_on(by: Taking, execution_arn: str) -> bool:
    found = executions.look(by.stepfunctions, execution_arn)
    return found is not None and found.running


def _write(by: Taking, run: Run, kind: Deployment, held: _Held) -> bool:
    """Write the run into the lowest free slot; whether nobody was first."""
    slot = next(slot for slot in count() if held.get(slot, (0, None))[1] is None)
    number = held[slot][0] + 1 if slot in held else 0
    content = {"execution_arn": run.execution_arn, "endpoint": run.endpoint_name, "places": _size(run, kind)}
    if not storage.write_once(by.s3, _uri(run, kind, slot, number), orjson.dumps(content), "application/json"):
        return False
    if number:
        storage.delete(by.s3, _uri(run, kind, slot, number - 1))
    return True


def _folder(run: Run, kind: Deployment) -> str:
    bucket, _ = storage.split_uri(run.folder)
    return f"s3://{bucket}/places/{kind}/"


def _uri(run: Run, kind: Deployment, slot: int, number: int) -> str:
    return f"{_folder(run, kind)}{slot}-{number}.json"


def _full(
    by: Taking, kind: Deployment, quota: Quota, taken: Mapping[Endpoint, int], held: Mapping[str, int], size: int
) -> str:
    what, used, runs = PLACES[kind], sum(taken.values()), len(held)
    needed = "one each" if all(each == 1 for each in held.values()) else f"{sum(held.values())} together"
    wanted = f"No {what} is free" if size == 1 else f"{size} {what}s at once are not free"
    return (
        f"{wanted} for the endpoint of this run, so its model is not trained yet. The account may have "
        f"{quota.value}: {used} {'is' if used == 1 else 'are'} in use{_owners(by, taken)}, and "
        f"{runs} going run{'' if runs == 1 else 's'} need {needed}. Delete an endpoint that is not needed "
        f"(`finetune status` lists them), or ask for more in Service Quotas, under Amazon Bedrock: '{quota.name}'."
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
