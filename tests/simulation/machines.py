"""Step Functions: executions of the real definition, their endings and the events that tell of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.emulator import ACCOUNT, REGION
from tests.simulation import interpreter
from tests.simulation.clock import Promise, Task, current
from tests.simulation.definitions import Machine
from tests.simulation.event_history import History
from tests.simulation.faults import UNSWEPT_SECONDS
from tests.simulation.wire import Answer, Refused
from tests.template import MACHINE, STACK
from tools.project import definition

if TYPE_CHECKING:
    from tests.simulation.world import World

EVENT_SECONDS = 1.0
# What may happen to the event that tells of an ending: when it arrives, each time.
EVENTS: Mapping[str, tuple[float, ...]] = {
    "ok": (EVENT_SECONDS,),
    "lost": (),
    "doubled": (EVENT_SECONDS, 1.3),
    "late": (2400.0,),
    "unswept": (),  # lost, and the sweeper does not run for some hours
    "hidden": (),  # lost, and many more executions end in the same way
}
HIDING = 30
# How a token begins, so that it is known where it must not stand.
TOKEN_MARK = "AQCtasktoken"


@dataclass
class Execution:
    """One run of the state machine; `states` are the names of the states entered."""

    arn: str
    name: str
    input: str
    started: datetime
    status: str = "RUNNING"
    stopped: datetime | None = None
    stopped_at: float = 0.0
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redriven_at: float = 0.0
    states: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    history: History = field(default_factory=History)

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"


@dataclass
class Waiting:
    """A state that waits for the answer to its token: JSON, or the failure that somebody sends."""

    execution: Execution
    answer: Promise


@cache
def compiled() -> Machine:
    return Machine.of(definition())


class Machines:
    """The executions of the one state machine, oldest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.executions: dict[str, Execution] = {}
        self.tokens: dict[str, Waiting] = {}

    def start(self, name: str, text: str) -> Execution:
        """Start an execution; a running one of the same name and input is that one."""
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{STACK}:{name}"
        earlier = self.executions.get(arn)
        if earlier and earlier.running and earlier.input == text:
            return earlier
        if earlier:
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        execution = Execution(arn, name, text, self._world.clock.now())
        self.executions[arn] = execution
        self._begin(execution)
        return execution

    def _begin(self, execution: Execution, *, again: bool = False) -> None:
        clock, count = self._world.clock, execution.redrives
        execution.tasks = [clock.spawn(lambda: self._run(execution, again=again), execution)]
        limit = float(definition().get("TimeoutSeconds", 10**9))

        def expire() -> None:
            if execution.redrives == count:
                self.stop(execution, "TIMED_OUT", None, None)

        clock.after(limit, expire)

    def _run(self, execution: Execution, *, again: bool) -> None:
        given = json.loads(execution.input)
        context = {
            "Execution": {
                "Id": execution.arn,
                "Name": execution.name,
                "Input": given,
                "StartTime": f"{execution.started:%Y-%m-%dT%H:%M:%S.000Z}",
                "RedriveCount": execution.redrives,
            },
            "StateMachine": {"Id": MACHINE, "Name": STACK},
        }
        hooks, history = StateHooks(self._world, execution), execution.history
        if again:
            ended = interpreter.run(compiled(), history.input, hooks, context, history, history.state)
        else:
            ended = interpreter.run(compiled(), given, hooks, context, history)
        output = None if ended.status != "SUCCEEDED" else json.dumps(ended.output)
        self._end(execution, ended.status, output, ended.error, ended.cause)

    def stop(self, execution: Execution, status: str, error: str | None, cause: str | None, event: str = "ok") -> None:
        """End an execution from outside; what its functions do goes on."""
        if not execution.running:
            return
        self._end(execution, status, None, error, cause, event)
        for task in execution.tasks:
            task.kill()

    def _end(
        self,
        execution: Execution,
        status: str,
        output: str | None,
        error: str | None,
        cause: str | None,
        event: str = "ok",
    ) -> None:
        clock = self._world.clock
        execution.status, execution.output, execution.error, execution.cause = status, output, error, cause
        execution.stopped, execution.stopped_at = clock.now(), clock.seconds
        self._world.note("ended", f"{execution.name} {status} {error or ''}")
        self._world.look(json.dumps([output, error, cause]))
        told = self._told(execution)
        for seconds in EVENTS[event]:
            clock.after(seconds, lambda: self._world.bus.put(told))
        if event == "unswept":
            self._world.bus.pause(UNSWEPT_SECONDS)
        if event == "hidden":
            self._hide(execution)

    def _hide(self, execution: Execution) -> None:
        """Start and stop many more executions, none of which is a second delivery."""
        for number in range(HIDING):
            given = json.loads(execution.input)
            other = self.start(f"other-{number}", json.dumps(given | {"version_id": f"other{number}"}))
            self.stop(other, execution.status, None, None)

    def redrive(self, execution: Execution) -> None:
        """Go on with the state that did not end."""
        execution.redrives += 1
        execution.redriven_at = self._world.clock.seconds
        execution.status, execution.stopped, execution.error, execution.cause = "RUNNING", None, None, None
        self._begin(execution, again=True)

    def _told(self, execution: Execution) -> dict[str, Any]:
        """The event of a status change."""
        detail = {
            "executionArn": execution.arn,
            "stateMachineArn": MACHINE,
            "name": execution.name,
            "status": execution.status,
            "startDate": int(execution.started.timestamp() * 1000),
            "stopDate": int(execution.stopped.timestamp() * 1000) if execution.stopped else None,
            "input": execution.input,
            "output": execution.output,
            "error": execution.error,
            "cause": execution.cause,
            "redriveCount": execution.redrives,
        }
        kind = "Step Functions Execution Status Change"
        return {"source": "aws.states", "detail-type": kind, "resources": [execution.arn], "detail": detail}

    # Requests

    def answer(self, operation: str, body: bytes) -> Answer:
        """The answer to one request."""
        asked: dict[str, Any] = json.loads(body)
        match operation:
            case "DescribeExecution":
                return _json(self._shown(self._existing(asked)) | {"input": self._existing(asked).input})
            case "ListExecutions":
                return _json(self._list(asked))
            case "StartExecution":
                started = self.start(asked["name"], asked["input"])
                return _json({"executionArn": started.arn, "startDate": started.started.timestamp()})
            case "StopExecution":
                self.stop(self._existing(asked), "ABORTED", asked.get("error"), asked.get("cause"))
                return _json({"stopDate": self._world.clock.now().timestamp()})
            case "SendTaskSuccess":
                self._waiting(asked).answer.settle(json.loads(asked["output"]))
                return _json({})
            case "SendTaskFailure":
                self._waiting(asked).answer.settle(interpreter.TaskFailed(asked["error"], asked["cause"]))
                return _json({})
        raise NotImplementedError(f"Step Functions here does not know {operation}.")

    def _waiting(self, asked: Mapping[str, Any]) -> Waiting:
        """The state that waits for a token; one that was answered, has timed out or was stopped does not."""
        found = self.tokens.get(asked["taskToken"])
        if found is None or found.answer.settled or not found.execution.running:
            raise Refused("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return found

    def _existing(self, asked: Mapping[str, Any]) -> Execution:
        found = self.executions.get(asked["executionArn"])
        if found is None:
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{asked['executionArn']}'")
        return found

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted, first = asked.get("statusFilter"), int(asked.get("nextToken", 0))
        found = [each for each in reversed(self.executions.values()) if wanted in {None, each.status}]
        last = first + int(asked.get("maxResults") or 100)
        more = {"nextToken": str(last)} if last < len(found) else {}
        return {"executions": [self._shown(each) for each in found[first:last]], **more}

    def _shown(self, execution: Execution) -> dict[str, Any]:
        shown = {
            "executionArn": execution.arn,
            "stateMachineArn": MACHINE,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started.timestamp(),
            "stopDate": execution.stopped.timestamp() if execution.stopped else None,
            "output": execution.output,
            "error": execution.error,
            "cause": execution.cause,
            "redriveCount": execution.redrives,
        }
        return {name: value for name, value in shown.items() if value is not None}


class StateHooks:
    """What the interpreter asks of the world."""

    def __init__(self, world: World, execution: Execution) -> None:
        self._world, self._execution = world, execution
        self.random = world.random

    def now(self) -> datetime:
        return self._world.clock.now()

    def invoke(self, resource: str, payload: Any, timeout_seconds: float | None) -> Any:
        found = re.search(r"(\w+)Function", resource)
        assert found, resource
        return self._world.functions.call(found[1], payload, self._execution, timeout_seconds)

    def token(self) -> str:
        tokens = self._world.machines.tokens
        token = f"{TOKEN_MARK}-{len(tokens) + 1}"
        tokens[token] = Waiting(self._execution, Promise(self._world.clock))
        return token

    def invoke_and_wait(self, resource: str, payload: Any, timeout_seconds: float | None, token: str) -> Any:
        del resource
        functions, answer = self._world.functions, self._world.machines.tokens[token].answer
        found = re.search(r"(\w+)Function", payload["FunctionName"])
        assert found, payload
        invocation = functions.begin(found[1], payload["Payload"], self._execution)

        def fail_with_the_call() -> None:
            invocation.ended.wait()
            if invocation.failure:
                answer.settle(interpreter.TaskFailed(*invocation.failure))

        self._execution.tasks.append(self._world.clock.spawn(fail_with_the_call, self._execution))
        if not answer.wait(timeout_seconds):
            answer.settle(interpreter.TaskFailed(interpreter.TIMEOUT, ""))
        if isinstance(answer.value, interpreter.TaskFailed):
            raise interpreter.TaskFailed(answer.value.error, answer.value.cause)
        return answer.value

    def sleep(self, seconds: float) -> None:
        self._world.clock.sleep(seconds)

    def entered(self, state: str) -> None:
        self._execution.states.append(state)
        self._world.entered(self._execution, state)

    def gather(self, branches: Sequence[Callable[[], Any]], limit: int) -> list[Any]:
        """The results of branches in their order; the first failure ends all."""
        clock, results = self._world.clock, [None] * len(branches)
        done, waiting, left = Promise(clock), list(enumerate(branches)), [len(branches)]

        def work() -> None:
            while waiting and not done.settled:
                place, branch = waiting.pop(0)
                try:
                    results[place] = branch()
                except Exception as error:  # noqa: BLE001 - whoever waits raises it again
                    done.settle(error)
                    return
                left[0] -= 1
            if not left[0]:
                done.settle()

        mine = [clock.spawn(work, self._execution) for _ in range(min(limit or len(branches), len(branches)))]
        self._execution.tasks += mine
        if branches:
            done.wait()
        for task in mine:
            if task is not current():
                task.kill()
        if done.value is not None:
            raise done.value
        return results


def _json(content: Any) -> Answer:
    return Answer(200, json.dumps(content).encode())
