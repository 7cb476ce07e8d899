"""The project's Bedrock emulator on the virtual clock: its jobs are tasks, and nothing is trained twice."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ClientError

from local.bedrock import deployments, jobs, throughput, training, world
from local.bedrock.faults import Faults
from local.bedrock.policy import Statement
from local.bedrock.protocol import Protocol
from local.bedrock.records import Job, State
from local.bedrock.runtime import Runtime
from local.bedrock.service import Service, declared_errors
from local.bedrock.world import World
from local.clock import Clock
from tests.emulator import ACCOUNT, JOB_ROLE, REGION, MemoryIam, bedrock_trust
from tests.keys import KEY, key_policy
from tests.simulation import permissions
from tests.simulation.clock import Clock as VirtualClock
from tests.simulation.s3 import S3
from tests.simulation.worlds import Answers
from tests.template import FUNCTIONS

# A job looks so often whether it was stopped.
LOOK_SECONDS = 60.0


class ServiceClock(Clock):
    """The emulator's clock, which is the world's."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._virtual = clock

    def now(self) -> datetime:
        return self._virtual.now()

    def sleep(self, service_seconds: float) -> None:
        self._virtual.sleep(service_seconds)


class VirtualJob(jobs.JobRun):
    """A job that waits on the virtual clock and trains for as long as the scenario says."""

    minutes = 10.0
    clock: VirtualClock

    def _wait_until(self, moment: datetime | None, *, stoppable: bool = True) -> None:
        while not (stoppable and self._job.stop_requested):
            left = (moment - self._world.now()).total_seconds() if moment else math.inf
            if left <= 0:
                return
            self.clock.sleep(min(left, LOOK_SECONDS))
        raise jobs._JobStoppedError

    def _training_minutes(self, data: Any) -> float:
        del data
        return self.minutes


# Waits of minutes are half of a run's calls, and each looks like the one before. Where jobs are as long as real ones
# everything else also takes as long as it does with Bedrock.
REAL_MINUTES = 60
_SHORT: Mapping[tuple[Any, str], float] = {
    (jobs, "VALIDATION_MINUTES"): 0.6,
    (jobs, "PROCESSING_MINUTES"): 0.6,
    (jobs, "MODEL_MINUTES"): 0.4,
    (deployments, "READY_MINUTES"): 1.4,
    (deployments, "SWAP_MINUTES"): 1.4,
    (throughput, "READY_MINUTES"): 2.5,
    (throughput, "SWAP_MINUTES"): 1.4,
}


@cache
def _trained(task: bytes) -> training.Curves:
    return training.train(training.Task(**orjson.loads(task)))


def _train(task: training.Task) -> training.Curves:
    return _trained(orjson.dumps(task))


@cache
def protocol() -> Protocol:
    """The service models, whose routes are looked for once per address."""
    found = Protocol()
    found.route = cache(found.route)  # type: ignore[method-assign]  # the same address has the same operation
    parse, known = found.parse, dict[Any, dict[str, Any]]()

    def parsed(operation: Any, labels: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
        key = operation.name, tuple(labels.items()), query, body
        if key not in known:
            known[key] = parse(operation, labels, query, body)
        return deepcopy(known[key])

    found.parse = parsed  # type: ignore[method-assign]  # the same request has the same parameters
    return found


@contextmanager
def virtual_jobs(clock: VirtualClock, seed: int, minutes: float) -> Iterator[None]:
    """Jobs run as tasks of this clock, and ids come from the seed."""
    ids = random.Random(seed)  # noqa: S311 - ids, not secrets

    def start(where: World, job: Job) -> None:
        run = VirtualJob(where, job)
        run.minutes, run.clock = minutes, clock
        clock.spawn(run.run)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "start", start)
        if minutes < REAL_MINUTES:
            for (where, name), short in _SHORT.items():
                patched.setattr(where, name, short)
        patched.setattr(training, "train_apart", _train)
        patched.setattr(
            world, "secrets", SimpleNamespace(token_hex=lambda size: f"{ids.getrandbits(8 * size):0{2 * size}x}")
        )
        yield


@dataclass
class Iam(MemoryIam):
    """The roles of the template's functions; each function's name is its access key."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    answers: Answers = field(default_factory=Answers)

    def identity(self, role_arn: str) -> list[Statement]:
        stem = role_arn.rpartition("/")[2]
        new = self.answers.are_new(stem, self.clock.seconds)
        return [] if new else permissions.policy(stem, own_key=self.answers.own_key)

    def trust(self, role_arn: str) -> list[Statement]:
        if self.clock.seconds < self.answers.trust_after:
            raise LookupError(role_arn)
        return super().trust(role_arn)


@dataclass(frozen=True)
class JobS3:
    """S3 as the role of jobs may use it."""

    s3: S3
    answers: Answers
    uses: set[permissions.Use]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        self._require("GetObject", Bucket, Key)
        return self.s3.get_object(Bucket=Bucket, Key=Key)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - S3's own names
        self._require("PutObject", Bucket, Key)
        self.s3.put_object(Bucket=Bucket, Key=Key, Body=Body)

    def _require(self, operation: str, bucket: str, key: str) -> None:
        if refused := permissions.refused_to_jobs(operation, bucket, key, own_key=self.answers.own_key):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": refused}}, operation)
        self.uses.update(permissions.used_by_jobs(operation, bucket, key, own_key=self.answers.own_key))


def emulator(clock: VirtualClock, s3: S3, answers: Answers, uses: set[permissions.Use]) -> tuple[World, Service]:
    """An empty account of Bedrock, which notes what jobs use."""
    runtime, trusts = Runtime(), {JOB_ROLE: bedrock_trust(ACCOUNT, REGION)}
    keys = {KEY: key_policy()}
    roles = {stem: f"arn:aws:iam::{ACCOUNT}:role/{stem}" for stem in FUNCTIONS}
    iam = Iam(trusts=trusts, keys=roles, key_policies=keys, clock=clock, answers=answers)
    found = World(
        clock=ServiceClock(clock),
        region=REGION,
        account=ACCOUNT,
        state=State(),
        faults=Faults(declared_errors(protocol(), runtime)),
        policies=iam,
        s3_for_role=lambda _: cast("Any", JobS3(s3, answers, uses)),
        unknowns=answers.bedrock,
    )
    return found, Service(found, protocol(), runtime, iam)
