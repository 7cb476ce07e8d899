"""One AWS account with the stack in it, on one virtual clock and from one seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

from greenlet import getcurrent

from local.bedrock.service import ResponseLostError
from tests.emulator import REGION
from tests.simulation import permissions, product
from tests.simulation.clock import START, Clock, current
from tests.simulation.emulated import emulator, virtual_jobs
from tests.simulation.events import Bus, object_created
from tests.simulation.faults import Faults
from tests.simulation.functions import Functions, Invocation
from tests.simulation.machines import Execution, Machines
from tests.simulation.parameters import Parameters, Topic
from tests.simulation.permissions import Use
from tests.simulation.s3 import S3, Version
from tests.simulation.wire import Answer, Refused, refusal
from tests.simulation.worlds import BELIEVED, WORLDS, Answers
from tests.template import ARTIFACTS, DATASETS

# A request and its answer take so long; jitter draws it anew for each.
CALL_SECONDS = 0.02
JITTER_SECONDS = (0.01, 1.5)
DROPPED_SECONDS = 1.0
# The emulator wants to know who calls.
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential=%s/20261121/{REGION}/%s/aws4_request,"
# In every record and nowhere else.
MARKER = "zebrafinch"


@dataclass
class Call:
    """One HTTP attempt."""

    number: int
    service: str
    operation: str
    url: str
    method: str
    headers: Any
    body: bytes
    invocation: Invocation


class World:
    """The account. Points at which a fault may strike are numbered from `mark` on."""

    def __init__(
        self, seed: int = 0, *, jitter: bool = False, job_minutes: float = 3.0, answers: Answers = WORLDS[BELIEVED]
    ) -> None:
        self.clock = Clock()
        self.random = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.seed, self.jitter, self.job_minutes, self.answers = seed, jitter, job_minutes, answers
        self.s3 = S3(self.clock.now, self._created)
        self.parameters, self.topic = Parameters(self.clock.now), Topic()
        self.machines, self.functions, self.bus = Machines(self), Functions(self), Bus(self)
        # What was allowed: who did what, and on what.
        self.used: set[Use] = set()
        self.bedrock, self._service = emulator(self.clock, self.s3, answers, self.used)
        self.faults = Faults(self)
        self.marked = False
        self.calls = self.states = 0
        self.marked_at = 0.0
        self._times = 1
        self.dropped: list[tuple[str, str]] = []
        self.coming = 0
        self.trace: list[str] = []
        self.seen_text: list[str] = []
        self.defects: list[str] = []
        # What Decide told the people who answered.
        self.decided: list[dict[str, Any]] = []
        self.forbidden: list[str] = []
        self.at_point: Callable[[str, int, str, Invocation | None], None] = lambda *_: None
        self.bus.begin_schedules()

    # Chance and notes

    def latency(self, seconds: float) -> float:
        """How long something takes that usually takes so long."""
        return self.random.uniform(*JITTER_SECONDS) if self.jitter else seconds

    def note(self, kind: str, what: str) -> None:
        """Add a line to the story of this world."""
        self.trace.append(f"{self.clock.seconds:12.3f} {kind:<12} {what}")

    def look(self, text: str) -> None:
        """Notice training text where none may be."""
        if MARKER in text:
            at = text.index(MARKER)
            self.seen_text.append(text[max(0, at - 60) : at + 40])

    def mark(self) -> None:
        """From here on faults may strike."""
        self.marked, self.calls, self.states, self.marked_at = True, 0, 0, self.clock.seconds
        self.functions.invocations = 0
        self.note("mark", "")

    # What happens

    def deploy(self, variables: Mapping[str, int]) -> None:
        """Let every function have other variables from now on."""
        product.deploy(variables)

    def drop(self, project: str, body: bytes, name: str, times: int = 1) -> None:
        """Drop a dataset; its event comes a second later, so many times."""
        self._times = times
        self.s3.put(DATASETS, f"incoming/{project}/{name}", body)
        self._times = 1

    def _created(self, bucket: str, key: str, version: Version) -> None:
        if bucket != DATASETS:
            return
        if key.startswith("incoming/"):
            self.dropped.append((key, version.id))
        event = object_created(bucket, key, version)
        for number in range(self._times):
            self.clock.after(self.latency(DROPPED_SECONDS) + 0.3 * number, lambda: self.bus.put(event))

    def entered(self, execution: Execution, state: str) -> None:
        """A state was entered."""
        self.states += 1
        number = self.states
        self.note("state", f"{number} {execution.name} {state}")
        if self.marked:
            self.at_point("state", number, state, None)
            self.faults.entered(execution, number)

    # Requests

    def answer(self, event_name: str, request: Any) -> Answer:
        """What a request of botocore gets; exceptions are the network's."""
        _, service, operation = event_name.split(".")
        if not hasattr(getcurrent(), "about"):
            raise TypeError(f"{operation} was called outside of a function.")
        self.calls += 1
        invocation = current().about
        body = request.body or b""
        body = body.read() if hasattr(body, "read") else body
        body = body.encode() if isinstance(body, str) else bytes(body)
        call = Call(self.calls, service, operation, request.url, request.method, request.headers, body, invocation)
        self.note("call", f"{call.number} {invocation.stem} #{invocation.number} {service} {operation}")
        if self.marked:
            self.at_point("call", call.number, f"{invocation.stem} {service} {operation}", invocation)
        fault = self.faults.strike(call)
        found = self.faults.suffer(call, fault) if fault else self.work(call)
        return Answer(found.status, found.body, {"Date": _date(int(self.clock.seconds)), **found.headers})

    def work(self, call: Call) -> Answer:
        """Let a service do what it was asked for; half of the time passes before, half after."""
        half = self.latency(CALL_SECONDS) / 2
        self.clock.sleep(half)
        try:
            found = self._serve(call)
        except Refused as error:
            if error.status == 404 and call.service == "s3":
                if not permissions.may_list(call):
                    self.forbidden.append(f"{call.invocation.stem} may not see what is missing")
                    error = Refused("AccessDenied", "", 403)
                self.used.add(permissions.listing(call))
            found = refusal(call.service, call.operation, error)
        except NotImplementedError as error:
            self.defects.append(str(error))
            raise
        self.clock.sleep(half)
        return found

    def _serve(self, call: Call) -> Answer:
        new = self.answers.are_new(call.invocation.stem, self.clock.seconds)
        if refused := permissions.refused(call, new=new, own_key=self.answers.own_key):
            if not new:
                self.forbidden.append(f"{call.invocation.stem} may not {refused}")
            raise Refused("AccessDenied" if call.service == "s3" else "AccessDeniedException", refused, 403)
        self.used |= permissions.used(call, own_key=self.answers.own_key)
        match call.service:
            case "s3":
                return self.s3.answer(call.operation, call.url, call.headers, call.body)
            case "ssm":
                return self.parameters.answer(call.operation, call.body)
            case "sns":
                self.look(call.body.decode())
                return self.topic.answer(call.operation, call.body, self.clock.seconds, call.invocation.stem)
            case "sfn":
                return self.machines.answer(call.operation, call.body)
            case "bedrock" | "bedrock-runtime" | "service-quotas" | "pricing":
                return self._bedrock(call)
        raise NotImplementedError(f"The simulation has no {call.service}.")

    def takes_dead_letter(self, stem: str) -> bool:
        """Whether the queue takes what a function could not do, which Lambda sends with the function's role."""
        refused = permissions.key_refused(stem, "sqs:SendMessage") if self.answers.own_key else ""
        if refused:
            self.forbidden.append(f"{stem} may not {refused} a dead letter")
        return not refused

    def _bedrock(self, call: Call) -> Answer:
        signed_for = "pricing" if call.service == "pricing" else "bedrock"
        target = f"/{call.url.removeprefix('https://').partition('/')[2]}"
        try:
            found = self._service.answer(
                call.method, target, AUTHORIZATION % (call.invocation.stem, signed_for), call.body
            )
        except ResponseLostError as error:
            raise NotImplementedError("The simulation loses responses itself.") from error
        new = self.answers.are_new(call.invocation.stem, self.clock.seconds)
        if found.error == "AccessDeniedException" and not new:
            who, _, action = json.loads(found.body)["message"].partition(" is not authorized to perform: ")
            name = who.removesuffix("/session").rpartition("/")[2]
            self.forbidden.append(f"{name} may not {action.partition(' ')[0]}")
        return Answer(found.status, found.body, found.headers)

    def reset_retries(self) -> None:
        """A new process has the whole of botocore's quota of retries."""
        product.reset_retries()

    # Ends

    @property
    def executions(self) -> list[Execution]:
        return list(self.machines.executions.values())

    @property
    def quiet(self) -> bool:
        """Whether every execution has ended, what was dropped has had one, and what was refused is told."""
        going = any(each.running for each in self.executions)
        return not (self.coming or going or self.unstarted or self.s3.keys(ARTIFACTS, "refusals/untold/"))

    @property
    def unstarted(self) -> list[str]:
        """The keys that were dropped and have no execution, no mail that says why not, and no dead letter."""
        started = {json.loads(each.input)["version_id"] for each in self.executions}
        told = [mail.body for mail in self.topic.mails if "-not-started" in mail.body]
        left = [
            key for key, version in self.dropped if version not in started and not any(key in body for body in told)
        ]
        return left[sum(letter.stem == "StartRun" for letter in self.functions.dead_letters) :]

    @property
    def ended_at(self) -> float:
        """When the last execution ended."""
        return max((each.stopped_at for each in self.executions), default=0.0)

    def artifact(self, key: str) -> Any:
        """A JSON file of the artifact bucket, None where there is none."""
        found = self.s3.get(ARTIFACTS, key)
        return json.loads(found.body or b"") if found else None


@cache
def _date(second: int) -> str:
    """The date in the head of a response."""
    return format_datetime(START + timedelta(seconds=second), usegmt=True)


@contextmanager
def simulated(
    seed: int = 0, *, jitter: bool = False, job_minutes: float = 3.0, world: str = BELIEVED
) -> Iterator[World]:
    """A world in which the product runs; one at a time in a process."""
    with product.prepared():
        found = World(seed, jitter=jitter, job_minutes=job_minutes, answers=WORLDS[world])
        random.seed(seed)
        with product.belongs_to(found), virtual_jobs(found.clock, seed, job_minutes), permissions.noted(found.used):
            yield found
