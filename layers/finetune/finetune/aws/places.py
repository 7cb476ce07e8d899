"""Places for endpoints, taken before a job is paid for, so that no more models are trained than can be evaluated.

A run takes a slot: `places/<kind>/<slot>-<number>.json` in the artifact bucket, written only if it is not there. It has
it until its execution has ended; then the next number of the slot is free. All who look for a slot try the lowest free
one, so that of two who count at the same time one comes second and counts again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Self

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
    served = bool(run.champion and ":provisioned-model/" in run.champion.endpoint_arn)
    return kinds_of(row, run.settings, served=served)


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
    names: set[str] = set()
    for believed in (True, False):  # whether the execution behind a slot goes on is asked only if that matters
        found = _holding(by, run, kind, open_now, quota.value, believed=believed)
        if found is None:
            return
        names = found
    in_use = [endpoint for endpoint, units in open_now if units]
    raise QuotaExceeded(_full(by, kind, quota, in_use, len(names - {endpoint.name for endpoint in in_use})))


_Held = Mapping[int, tuple[int, Mapping[str, str] | None]]


def _holding(
    by: Taking, run: Run, kind: Deployment, open_now: list[tuple[Endpoint, int]], most: float, *, believed: bool
) -> set[str] | None:
    """The names of the endpoints that all places are taken for; None once the run has one."""
    while True:
        held = _held(by, run, kind, believed=believed)
        if any(holder["execution_arn"] == run.execution_arn for _, holder in held.values() if holder):
            return None
        names = {str(holder["endpoint"]) for _, holder in held.values() if holder}
        taken = sum(units for endpoint, units in open_now if endpoint.name not in names) + len(names)
        if taken >= most:
            return names
        if _write(by, run, kind, held):
            return None


def _held(by: Taking, run: Run, kind: Deployment, *, believed: bool) -> _Held:
    """By slot its latest number and who has it; nobody has one whose execution has ended."""
    latest: dict[int, int] = {}
    for uri in storage.keys_under(by.s3, _folder(run, kind)):
        slot, _, number = uri.rpartition("/")[2].removesuffix(".json").partition("-")
        latest[int(slot)] = max(latest.get(int(slot), 0), int(number))
    found: dict[int, tuple[int, Mapping[str, str] | None]] = {}
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
    content = {"execution_arn": run.execution_arn, "endpoint": run.endpoint_name}
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


def _full(by: Taking, kind: Deployment, quota: Quota, taken: list[Endpoint], runs: int) -> str:
    what = PLACES[kind]
    return (
        f"No {what} is free for the endpoint of this run, so its model is not trained yet. The account may have "
        f"{quota.value}: {len(taken)} {'is' if len(taken) == 1 else 'are'} in use{_owners(by, taken)}, and "
        f"{runs} going run{'' if runs == 1 else 's'} need one each. Delete an endpoint that is not needed "
        f"(`finetune status` lists them), or ask for more in Service Quotas, under Amazon Bedrock: '{quota.name}'."
    )


def _owners(by: Taking, taken: Iterable[Endpoint]) -> str:
    """Who has the endpoints: the projects of this stack by name, all others together."""
    owners: Counter[str] = Counter()
    for endpoint in list(taken)[:MOST_NAMED]:
        found = tags.read(by.bedrock, endpoint.arn)
        own = found is not None and found[0].get(STACK_TAG) == by.stack
        owners["project " + found[0].get(PROJECT_TAG, "?") if found and own else "others"] += 1
    told = ", ".join(f"{number} by {owner}" for owner, number in sorted(owners.items()))
    return f" ({told})" if told else ""
