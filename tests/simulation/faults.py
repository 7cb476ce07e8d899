"""What a run may suffer: one line each, which says where it strikes, what happens and how far it reaches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.wire import Answer, Refused, refusal

if TYPE_CHECKING:
    from tests.simulation.functions import Invocation
    from tests.simulation.machines import Execution
    from tests.simulation.world import Call, World

# Refusals that any service may give, with their status.
BUSY: Mapping[str, int] = {"ThrottlingException": 400, "InternalServerException": 500, "ServiceUnavailable": 503}
DENIED: Mapping[str, int] = {"AccessDeniedException": 403, "ExpiredTokenException": 403, "ValidationException": 400}
# What S3 calls these.
S3_NAMES = {
    "ThrottlingException": ("SlowDown", 503),
    "InternalServerException": ("InternalError", 500),
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 400),
    "ValidationException": ("InvalidRequest", 400),
}
NETWORK = ("timeout", "late", "reset", "refused", "lost", "cut")
DEATHS = ("exit-before", "exit-after", "hang", "hang-after")
LAMBDA = ("Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.Unknown", "Sandbox.Timedout")
LAMBDA_AFTER = ("Lambda.Unknown-after", "Lambda.ServiceException-after", "slow-after")
UNSWEPT_SECONDS = 7 * 3600.0
STOPS = {"abort": "ABORTED", "time-out": "TIMED_OUT"}
EXIT = ("Runtime.ExitError", "RequestId: 0 Error: Runtime exited with error: signal: killed")
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0


@dataclass(frozen=True)
class Fault:
    """`at` call, invoke or state number `number`; `scope` is once, invocation, thrice, function, or seconds of outage.

    For a stop, `delay` is how much later the call in flight arrives, and `event` what becomes of the event that tells
    of it; `redrive` is after how many seconds somebody redrives the execution.
    """

    at: str
    number: int
    what: str
    scope: str = "once"
    delay: float = 0.0
    event: str = "ok"
    redrive: float | None = None

    def __str__(self) -> str:
        told = f"{self.at}={self.number} what={self.what}"
        if self.what in STOPS:
            delay = f" delay={self.delay:g}" if self.at == "call" else ""
            again = f" redrive={self.redrive:g}" if self.redrive is not None else ""
            return f"{told} event={self.event}{delay}{again}"
        return f"{told} scope={self.scope}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The fault of a line."""
        found = dict(re.findall(r"(\S+?)=(\S+)", text))
        at = next((name for name in ("call", "invoke", "state") if found.get(name, "").isdigit()), None)
        if at is None or "what" not in found:
            raise ValueError(f"{text.strip()!r} is no fault; one is, for example, call=57 what=reset scope=once.")
        return cls(
            at,
            int(found[at]),
            found["what"],
            found.get("scope", "once"),
            float(found.get("delay", 0)),
            found.get("event", "ok"),
            float(found["redrive"]) if "redrive" in found else None,
        )


@dataclass
class Active:
    """A fault that has struck, and what it struck first."""

    fault: Fault
    since: float
    service: str
    operation: str
    stem: str
    invocation: int
    left: int = 0

    def strikes_call(self, call: Call, now: float) -> bool:
        """Whether it strikes a later call, too."""
        scope, same = self.fault.scope, (call.service, call.operation) == (self.service, self.operation)
        match scope:
            case "invocation":
                return same and call.invocation.number == self.invocation
            case "function":
                return same and call.invocation.stem == self.stem
            case "once" | "thrice":
                return False
            case _:
                wide = self.fault.what in BUSY or self.fault.what in NETWORK
                return now < self.until and (call.service == self.service if wide else same)

    def strikes_invocation(self, invocation: Invocation, now: float) -> bool:
        """Whether it strikes a later invocation, too."""
        match self.fault.scope:
            case "function":
                return invocation.stem == self.stem
            case "thrice":
                if invocation.stem != self.stem or not self.left:
                    return False
                self.left -= 1
                return True
            case "once" | "invocation":
                return False
            case _:
                return now < self.until

    @property
    def until(self) -> float:
        """When an outage ends."""
        return self.since + float(self.fault.scope) if self.fault.scope[0].isdigit() else self.since


@dataclass
class Faults:
    """The faults of one world, those that wait and those that struck."""

    world: World
    waiting: list[Fault] = field(default_factory=list)
    active: list[Active] = field(default_factory=list)
    touched_invocations: set[int] = field(default_factory=set)
    ends: float = 0.0

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def touched(self, invocation: Invocation) -> bool:
        """Whether an invocation suffered anything."""
        return invocation.number in self.touched_invocations

    def _due(self, at: str, number: int) -> list[Fault]:
        due = [fault for fault in self.waiting if (fault.at, fault.number) == (at, number)]
        for fault in due:
            self.waiting.remove(fault)
            self.world.note("fault", str(fault))
        return due

    def _struck(self, fault: Fault, invocation: Invocation, service: str = "", operation: str = "") -> Active:
        now = self.world.clock.seconds
        struck = Active(fault, now, service, operation, invocation.stem, invocation.number, left=2)
        self.active.append(struck)
        self.ends = max(self.ends, struck.until)
        return struck

    @property
    def lasting(self) -> bool:
        """Whether something did not work for a while, or for ever."""
        return any(each.fault.scope[0].isdigit() or each.fault.scope == "function" for each in self.active)

    # Executions

    def entered(self, execution: Execution, number: int) -> None:
        """A state was entered."""
        for fault in self._due("state", number):
            self._stop(execution, fault)
            self.world.clock.die()

    def _stop(self, execution: Execution, fault: Fault) -> None:
        unswept = UNSWEPT_SECONDS if fault.event == "unswept" else 0.0
        self.ends = max(self.ends, self.world.clock.seconds + unswept)
        self.world.machines.stop(execution, STOPS[fault.what], None, None, fault.event)
        if fault.redrive is not None:
            self.world.coming += 1
            self.world.clock.after(fault.redrive, lambda: self._redrive(execution))

    def _redrive(self, execution: Execution) -> None:
        self.world.coming -= 1
        self.world.machines.redrive(execution)

    # Invocations

    def invoked(self, invocation: Invocation) -> tuple[str, str] | None:
        """The error with which an invocation fails before it begins, if it does."""
        if self.world.marked:
            for fault in self._due("invoke", invocation.number):
                self._struck(fault, invocation)
                return self._invoke(fault, invocation)
        for struck in self.active:
            if struck.fault.at == "invoke" and struck.strikes_invocation(invocation, self.world.clock.seconds):
                return self._invoke(struck.fault, invocation)
        return None

    def _invoke(self, fault: Fault, invocation: Invocation) -> tuple[str, str] | None:
        self.touched_invocations.add(invocation.number)
        if fault.what.endswith("-after"):
            invocation.after = fault.what.removesuffix("-after")
            return None
        return fault.what, "The simulation refused this invocation."

    def answered(self, invocation: Invocation) -> tuple[str, str] | None:
        """The error that comes instead of an answer, if one does."""
        if invocation.after == "slow":
            invocation.delay = max(0.0, invocation.ends_at - self.world.clock.seconds) + 60
            return "Sandbox.Timedout", "Task timed out"
        return (invocation.after, "The simulation lost the answer.") if invocation.after else None

    # Calls

    def strike(self, call: Call) -> Fault | None:
        """The fault that a call suffers."""
        for fault in self._due("call", call.number) if self.world.marked else ():
            self._struck(fault, call.invocation, call.service, call.operation)
            self.touched_invocations.add(call.invocation.number)
            return fault
        now = self.world.clock.seconds
        for struck in self.active:
            if struck.fault.at == "call" and struck.fault.what not in STOPS and struck.strikes_call(call, now):
                self.touched_invocations.add(call.invocation.number)
                return struck.fault
        return None

    def suffer(self, call: Call, fault: Fault) -> Answer:
        """What becomes of a call: an answer, an exception of the network, or nothing because its process died."""
        what, clock = fault.what, self.world.clock
        if what in STOPS:
            if call.invocation.execution:
                self._stop(call.invocation.execution, fault)
            clock.sleep(fault.delay)
            return self.world.work(call)
        if what in DEATHS:
            self._die(call, what)
        if what == "cut":
            whole = self.world.work(call)
            length = {"Content-Length": str(len(whole.body) + 7)}
            return Answer(whole.status, whole.body, {**whole.headers, **length})
        if what in NETWORK:
            raise self._broken(call, what)
        return self.refuse(call, what)

    def _die(self, call: Call, what: str) -> None:
        if what.endswith("-after"):
            self.world.work(call)
        if what.startswith("exit"):
            call.invocation.die(*EXIT)
        self.world.clock.die()

    def _broken(self, call: Call, what: str) -> Exception:
        """How the network breaks."""
        url, clock = call.url, self.world.clock
        if what in {"lost", "late"}:
            self.world.work(call)
        if what in {"lost", "reset"}:
            return ConnectionClosedError(endpoint_url=url)
        clock.sleep(_READ_SECONDS if what in {"late", "timeout"} else _CONNECT_SECONDS)
        if what == "refused":
            return EndpointConnectionError(endpoint_url=url)
        return ReadTimeoutError(endpoint_url=url)

    def refuse(self, call: Call, code: str) -> Answer:
        """An error in the service's own form."""
        status = {**BUSY, **DENIED}.get(code, 400)
        if call.service == "s3" and code in S3_NAMES:
            code, status = S3_NAMES[code]
        if call.service == "sns":
            code = {"ThrottlingException": "Throttling", "AccessDeniedException": "AuthorizationError"}.get(code, code)
        return refusal(call.service, call.operation, Refused(code, "The simulation refused this.", status))


def parse(text: str) -> list[Fault]:
    """The faults of a case, joined by `+`."""
    return [Fault.parse(each) for each in text.split("+") if each.strip()]
