"""Lambda: the handlers of functions/*/app.py with the template's timeouts, deaths, and retries of events."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.emulator import ACCOUNT, REGION
from tests.simulation.clock import Promise, Task
from tests.simulation.interpreter import TaskFailed
from tests.template import FUNCTIONS, STACK, module

if TYPE_CHECKING:
    from tests.simulation.machines import Execution
    from tests.simulation.world import World

INVOKE_SECONDS = 0.05
# Lambda waits so long before it repeats an event that failed, and for hours repeats one that it had no room for.
RETRY_SECONDS = (60.0, 120.0)
NOT_TAKEN = {"Lambda.TooManyRequestsException", "Lambda.ServiceException"}
NOT_TAKEN_SECONDS, TAKEN_SECONDS = 120.0, 6 * 3600.0


@dataclass
class Invocation:
    """One run of a function; `execution` is whose state it works for.

    `after` is the error that comes instead of its answer, `delay` seconds later.
    """

    number: int
    stem: str
    execution: Execution | None
    ends_at: float
    ended: Promise
    task: Task | None = None
    failure: tuple[str, str] | None = None
    after: str = ""
    delay: float = 0.0

    def end(self, value: Any = None, failure: tuple[str, str] | None = None) -> None:
        """Settle it, once."""
        if not self.ended.settled:
            self.failure = failure
            self.ended.settle(value)

    def die(self, error: str, cause: str) -> None:
        """Let the process end where it is."""
        if self.ended.settled:
            return
        if self.task:
            self.task.kill()
        self.end(failure=(error, cause))


@dataclass(frozen=True)
class Context:
    """What Lambda passes beside the payload."""

    function_name: str
    remaining: Callable[[], float]
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * self.remaining())


@dataclass(frozen=True)
class DeadLetter:
    """An event that nobody took."""

    at: float
    stem: str
    error: str
    cause: str
    suffered: bool


@dataclass
class Functions:
    """Every function of the stack."""

    world: World
    invocations: int = 0
    dead_letters: list[DeadLetter] = field(default_factory=list)
    running: list[Invocation] = field(default_factory=list)

    def call(self, stem: str, payload: Any, execution: Execution | None, seconds: float | None) -> Any:
        """Invoke and wait, as a state does; TaskFailed names what went wrong."""
        invocation = self.begin(stem, payload, execution)
        if not invocation.ended.wait(seconds):
            raise TaskFailed("States.Timeout", "")
        if invocation.failure:
            raise TaskFailed(*invocation.failure)
        return invocation.ended.value

    def begin(self, stem: str, payload: Any, execution: Execution | None = None) -> Invocation:
        """Start a function; its task works on after whoever asked has gone."""
        world, clock = self.world, self.world.clock
        self.invocations += 1
        limit = float(FUNCTIONS[stem]["Timeout"])
        invocation = Invocation(self.invocations, stem, execution, clock.seconds + limit, Promise(clock))
        text = json.dumps(payload)
        world.note("invoke", f"{stem} #{invocation.number}")
        world.look(text)
        if world.marked:
            world.at_point("invoke", invocation.number, stem, invocation)
        refused = world.faults.invoked(invocation)
        if refused:
            clock.after(INVOKE_SECONDS, lambda: invocation.end(failure=refused))
            return invocation
        invocation.task = clock.spawn(lambda: self._run(invocation, text), invocation, world.latency(INVOKE_SECONDS))
        clock.after(limit, lambda: invocation.die("Sandbox.Timedout", f"Task timed out after {limit:.2f} seconds"))
        self.running.append(invocation)
        return invocation

    def _run(self, invocation: Invocation, text: str) -> None:
        world, clock = self.world, self.world.clock
        world.reset_retries()
        context = Context(invocation.stem, lambda: invocation.ends_at - clock.seconds)
        value, failure = None, None
        try:
            answer = json.dumps(module(invocation.stem).lambda_handler(json.loads(text), context))
            value = json.loads(answer)
            world.look(answer)
        except Exception as error:  # noqa: BLE001 - as Lambda does
            cause = json.dumps(described(error, f"request-{invocation.number}"))
            failure = (type(error).__name__, cause)
            world.note("failed", f"{invocation.stem} #{invocation.number} {type(error).__name__}: {error}")
            world.look(cause)
        lost = world.faults.answered(invocation)
        clock.sleep(invocation.delay)
        invocation.end(value, lost or failure)
        self.running.remove(invocation)

    # Events

    def event(self, stem: str, payload: Any) -> None:
        """Invoke for an event, again if that fails, and keep what nobody took."""
        self.world.clock.spawn(lambda: self._deliver(stem, payload))

    def _deliver(self, stem: str, payload: Any) -> None:
        world, settings, clock = self.world, FUNCTIONS[stem].get("EventInvokeConfig", {}), self.world.clock
        left = int(settings.get("MaximumRetryAttempts", 2))
        since, suffered = clock.seconds, False
        while True:
            invocation = self.begin(stem, payload)
            invocation.ended.wait()
            suffered = suffered or self.world.faults.touched(invocation)
            if not invocation.failure:
                return
            if invocation.failure[0] in NOT_TAKEN and clock.seconds - since < TAKEN_SECONDS:
                clock.sleep(NOT_TAKEN_SECONDS)
            elif left:
                clock.sleep(RETRY_SECONDS[-left])
                left -= 1
            else:
                break
        if "OnFailure" in settings.get("DestinationConfig", {}) and world.takes_dead_letter(stem):
            letter = DeadLetter(clock.seconds, stem, *invocation.failure, suffered)
            self.dead_letters.append(letter)
            self.world.note("dead letter", f"{stem} {letter.error}")


def described(error: Exception, request_id: str) -> dict[str, Any]:
    """An error in the shape in which Lambda reports it, with the same text wherever the project lies."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": [
            f'  File "/var/task/{Path(each.filename).name}", line {each.lineno}, in {each.name}\n    {each.line}\n'
            for each in frames
        ],
    }
