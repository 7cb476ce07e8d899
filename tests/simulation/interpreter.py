"""An interpreter of Amazon States Language (JSONPath) with the semantics of AWS, deterministic and without threads.

Time, tasks, concurrency and chance come from Hooks. `run` executes a definition in the caller's thread or greenlet.
Sources: https://states-language.net/spec.html and
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import orjson

from tests.simulation.definitions import MAX_SECONDS, Catcher, Machine, Retrier, State
from tests.simulation.event_history import Branch, History, HistoryFull
from tests.simulation.rules import _moment
from tests.simulation.values import DATA_LIMIT, MAX_BYTES, RUNTIME, Failure, Read, Scope, json_text, place

TIMEOUT = "States.Timeout"
NO_CHOICE = "States.NoChoiceMatched"
WAITING = ".waitForTaskToken"
MOST_ITERATIONS_AT_ONCE = 40  # of an inline Map, whatever its MaxConcurrency


class TaskFailed(Exception):
    """What a task fails with: the name of the error and its cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class Hooks(Protocol):
    """What an execution gets from the world around it; any hook may raise to end the execution."""

    @property
    def random(self) -> random.Random:
        """Chance, for jitter."""

    def invoke(self, resource: str, payload: Any, timeout_seconds: int | None) -> Any:
        """The answer of a task, or TaskFailed; payload and answer are copied, so either side may change its own."""

    def token(self) -> str:
        """A new task token."""

    def invoke_and_wait(self, resource: str, payload: Any, timeout_seconds: int | None, token: str) -> Any:
        """Make a call and wait for the answer to its token; what the call itself returns is ignored.

        TaskFailed if the call fails, if a failure is the answer, or if there is none in time. The token is dead then.
        """

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def gather(self, branches: Sequence[Callable[[], Any]], limit: int) -> list[Any]:
        """The results of the branches in their order, of which `limit` run at once.

        The first exception is raised after the other branches were ended by raising something in them.
        """

    def entered(self, state: str) -> None:
        """Hear that a state was entered, also inside Map and Parallel."""

    def now(self) -> datetime:
        """The present time, with its zone."""


@dataclass(frozen=True)
class Ended:
    """How an execution ended: its output, or its error and cause, each None where it has none."""

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None
    history: History = field(default_factory=History, repr=False, compare=False)


def run(
    definition: dict[str, Any] | Machine,
    execution_input: Any,
    hooks: Hooks,
    context: dict[str, Any],
    history: History | None = None,
    start_at: str | None = None,
) -> Ended:
    """Execute a definition, or a Machine compiled from it, and say how that ended.

    A redrive passes the history of the run before, `start_at=history.state` and `execution_input=history.input`. What
    a hook raises, but TaskFailed, passes through; the history then has the state in which it was raised, and the
    event that ends the execution is the caller's (`history.end`).
    """
    machine = definition if isinstance(definition, Machine) else Machine.of(definition)
    history = History() if history is None else history
    branch = Branch()
    text = json_text(execution_input)
    if history.events:
        history.redrives += 1
        branch.last = history.events[-1].id
        history.add(branch, hooks.now(), "ExecutionRedriven", redriveCount=history.redrives)
    else:
        history.add(Branch(), hooks.now(), "ExecutionStarted", input=text.decode())
    execution = _Execution(hooks, history, top=machine)
    try:
        output = execution.machine(machine, orjson.loads(text), context, branch, start_at)
    except Failure as failure:
        told = {"error": failure.error, "cause": failure.cause}
        told = {key: value for key, value in told.items() if value is not None}
        history.end(hooks.now(), "ExecutionFailed", branch, **told)
        return Ended("FAILED", None, failure.error, failure.cause, history)
    history.end(hooks.now(), "ExecutionSucceeded", branch, output=json_text(output).decode())
    return Ended("SUCCEEDED", output, history=history)


@dataclass
class _Visit:
    """One visit of a state: what it was entered with, and where."""

    state: State
    input: Any
    context: dict[str, Any]
    branch: Branch
    has_branches: bool = False  # whether iterations or parallel branches began

    @property
    def effective(self) -> Scope:
        """The scope after the InputPath."""
        scope = Scope(self.input, self.context)
        read: Read | None = self.state.get("InputPath")
        return scope if read is None else Scope(read(scope), self.context)

    def output(self, value: Any) -> Any:
        """The value after the OutputPath."""
        read: Read | None = self.state.get("OutputPath")
        return value if read is None else read(Scope(value, self.context))

    def result(self, value: Any) -> Any:
        """The output of a state that worked: ResultSelector, ResultPath and OutputPath applied to its result."""
        selector: Read | None = self.state.get("ResultSelector")
        selected = value if selector is None else selector(Scope(value, self.context))
        return self.output(_placed(self.state.get("ResultPath", ()), self.input, selected))


def _placed(result_path: tuple[str | int, ...] | None, value: Any, put: Any) -> Any:
    return value if result_path is None else place(result_path, value, put)


class _Execution:
    def __init__(self, hooks: Hooks, history: History, top: Machine) -> None:
        self._hooks = hooks
        self._history = history
        self._top = top
        self._behaviours: dict[str, Callable[[_Visit], tuple[Any, str | None]]] = {
            "Pass": self._pass,
            "Task": partial(self._attempts, self._task),
            "Choice": self._choice,
            "Wait": self._wait,
            "Map": partial(self._attempts, self._map),
            "Parallel": partial(self._attempts, self._parallel),
            "Succeed": self._succeed,
            "Fail": self._fail,
        }

    def machine(
        self, machine: Machine, value: Any, context: dict[str, Any], branch: Branch, start_at: str | None = None
    ) -> Any:
        """The output of a machine's last state."""
        name: str | None = start_at or machine.start_at
        text = json_text(value)
        while name is not None:
            if machine is self._top:
                self._history.state, self._history.input = name, value
            value, text, name = self._state(machine.states[name], value, text, context, branch)
        return value

    def _state(
        self, state: State, value: Any, text: bytes, context: dict[str, Any], branch: Branch
    ) -> tuple[Any, bytes, str | None]:
        """The output of a state, its JSON, and the name of the next state."""
        entered = self._add(branch, f"{state.kind}StateEntered", name=state.name, input=text.decode())
        self._hooks.entered(state.name)
        place_in_time = {"Name": state.name, "EnteredTime": _spelled(self._hooks.now()), "RetryCount": 0}
        visit = _Visit(state, value, context | {"State": place_in_time}, branch)
        try:
            output, target = self._behaviours[state.kind](visit)
            after = text if output is value else self._within_limit(state.name, output)
        except Failure as failure:
            if failure.error in (RUNTIME, NO_CHOICE) and not failure.located:
                at = f"An error occurred while executing the state '{state.name}' (entered at the event id #{entered})."
                failure.cause, failure.located = f"{at} {failure.cause}", True
            raise
        if state.kind != "Fail":
            self._add(branch, f"{state.kind}StateExited", name=state.name, output=after.decode())
        return output, after, target

    def _add(self, branch: Branch, event: str, **details: Any) -> int:
        return self._history.add(branch, self._hooks.now(), event, **details)

    @staticmethod
    def _within_limit(name: str, value: Any) -> bytes:
        """The JSON of a value, if it has no more than 256 KiB."""
        text = json_text(value)
        if len(text) > MAX_BYTES:
            cause = (
                f"The state/task '{name}' returned a result with a size exceeding "
                "the maximum number of bytes service limit."
            )
            raise Failure(DATA_LIMIT, cause)
        return text

    def _pass(self, visit: _Visit) -> tuple[Any, str | None]:
        state = visit.state
        scope = visit.effective
        parameters: Read | None = state.get("Parameters")
        made = scope.data if parameters is None else parameters(scope)
        return visit.result(state.get("Result", made)), state.get("Next")

    def _succeed(self, visit: _Visit) -> tuple[Any, str | None]:
        return visit.output(visit.effective.data), None

    def _fail(self, visit: _Visit) -> tuple[Any, str | None]:
        told: list[str | None] = []
        for literal, dynamic in (("Error", "ErrorPath"), ("Cause", "CausePath")):
            value = visit.state.get(literal)
            if read := visit.state.get(dynamic):
                value = read(Scope(visit.input, visit.context))
                if not isinstance(value, str):
                    raise Failure(RUNTIME, f"The {dynamic} does not select a string.")
            told.append(value)
        raise Failure(*told)

    def _choice(self, visit: _Visit) -> tuple[Any, str | None]:
        scope = visit.effective
        target = next((name for holds, name in visit.state.get("Choices") if holds(scope)), visit.state.get("Default"))
        if target is None:
            cause = (
                f"Failed to transition out of the state. The state '{visit.state.name}' does not point to a next state."
            )
            raise Failure(NO_CHOICE, cause)
        return visit.output(scope.data), target

    def _wait(self, visit: _Visit) -> tuple[Any, str | None]:
        state, scope = visit.state, visit.effective
        if "Seconds" in state.fields:
            seconds: float = state.fields["Seconds"]
        elif "SecondsPath" in state.fields:
            seconds = _whole_number(state, "SecondsPath", scope, least=0)
        else:
            until = state.get("Timestamp") or _moment(state.get("TimestampPath", _nothing)(scope))
            if until is None:
                raise Failure(RUNTIME, "The TimestampPath parameter does not reference a valid ISO-8601 timestamp.")
            seconds = max(0.0, (until - self._hooks.now()).total_seconds())
        self._hooks.sleep(seconds)
        return visit.output(scope.data), state.get("Next")

    def _attempts(self, attempt: Callable[[_Visit], Any], visit: _Visit) -> tuple[Any, str | None]:
        """Do the work of a Task, Map or Parallel state, with its Retry and Catch."""
        state = visit.state
        retriers: list[Retrier] = state.get("Retry", [])
        attempts = [0] * len(retriers)
        while True:
            try:
                return visit.result(attempt(visit)), state.get("Next")
            except Failure as failure:
                delay = self._retry_delay(retriers, attempts, failure)
                if delay is None:
                    return self._caught(visit, failure)
            self._hooks.sleep(delay)
            visit.context["State"]["RetryCount"] += 1

    def _retry_delay(self, retriers: list[Retrier], attempts: list[int], failure: Failure) -> float | None:
        """Seconds until the next attempt, None if the first retrier that names the error allows none."""
        index = next((at for at, rule in enumerate(retriers) if _matches(rule.errors, failure)), None)
        if index is None or attempts[index] >= retriers[index].attempts:
            return None
        rule = retriers[index]
        try:
            delay = min(rule.interval * rule.backoff ** attempts[index], rule.max_delay)
        except OverflowError:
            delay = rule.max_delay
        attempts[index] += 1
        return self._hooks.random.uniform(0, delay) if rule.full_jitter else delay

    def _caught(self, visit: _Visit, failure: Failure) -> tuple[Any, str | None]:
        """What the first catcher that names the error makes of it: no OutputPath applies to that."""
        if visit.has_branches:
            self._add(visit.branch, f"{visit.state.kind}StateFailed")
        catchers: list[Catcher] = visit.state.get("Catch", [])
        catcher = next((rule for rule in catchers if _matches(rule.errors, failure)), None)
        if catcher is None:
            raise failure
        told = {"Error": failure.error or "", "Cause": failure.cause or ""}
        return _placed(catcher.result_path, visit.input, told), catcher.next

    def _task(self, visit: _Visit) -> Any:
        state, scope = visit.state, visit.effective
        parameters: Read | None = state.get("Parameters")
        resource: str = state.fields["Resource"]
        token = self._hooks.token() if resource.endswith(WAITING) else None
        if token:
            scope = Scope(scope.data, visit.context | {"Task": {"Token": token}})
        text = self._within_limit(state.name, scope.data if parameters is None else parameters(scope))
        timeout: int | None = state.get("TimeoutSeconds")
        if "TimeoutSecondsPath" in state.fields:
            timeout = _whole_number(state, "TimeoutSecondsPath", scope, least=1)
        kind, told = _event_kind(resource)
        limit = {} if timeout is None else {"timeoutInSeconds": timeout}
        sent = (
            {"input": text.decode(), "resource": resource}
            if kind == "LambdaFunction"
            else {"parameters": text.decode()}
        )
        self._add(visit.branch, f"{kind}Scheduled", **told, **sent, **limit)
        self._add(visit.branch, f"{kind}Started", **told)
        try:
            payload = orjson.loads(text)
            if token:
                answer = self._hooks.invoke_and_wait(resource, payload, timeout, token)
            else:
                answer = self._hooks.invoke(resource, payload, timeout)
            output = self._within_limit(resource, answer)
        except (TaskFailed, Failure) as error:
            event = "TimedOut" if error.error == TIMEOUT else "Failed"
            self._add(visit.branch, f"{kind}{event}", **told, error=error.error, cause=error.cause)
            raise Failure(error.error, error.cause) from error
        self._add(visit.branch, f"{kind}Succeeded", **told, output=output.decode())
        return orjson.loads(output)

    def _map(self, visit: _Visit) -> list[Any]:
        state, scope = visit.state, visit.effective
        items_path: Read | None = state.get("ItemsPath")
        items = scope.data if items_path is None else items_path(scope)
        if not isinstance(items, list):
            raise Failure(RUNTIME, "The reference path of ItemsPath must point to an array.")
        limit = state.get("MaxConcurrency", 0)
        if "MaxConcurrencyPath" in state.fields:
            limit = _whole_number(state, "MaxConcurrencyPath", scope, least=0)
        selector: Read | None = state.get("ItemSelector") or state.get("Parameters")
        machine: Machine = state.get("ItemProcessor") or state.get("Iterator")
        started = self._add(visit.branch, "MapStateStarted", length=len(items))
        visit.has_branches = True

        def iteration(index: int, item: Any) -> Any:
            branch = Branch(started)
            told = {"name": state.name, "index": index}
            context = visit.context | {"Map": {"Item": {"Index": index, "Value": item}}}
            self._add(branch, "MapIterationStarted", **told)
            try:
                value = item if selector is None else selector(Scope(scope.data, context))
                self._within_limit(state.name, value)
                output = self.machine(machine, value, context, branch)
                self._add(branch, "MapIterationSucceeded", **told)
            except Failure:
                self._add(branch, "MapIterationFailed", **told)
                raise
            except BaseException:
                with suppress(HistoryFull):
                    self._add(branch, "MapIterationAborted", **told)
                raise
            finally:
                visit.branch.last = branch.last
            return output

        work = [partial(iteration, index, item) for index, item in enumerate(items)]
        outputs = self._hooks.gather(work, min(limit or MOST_ITERATIONS_AT_ONCE, MOST_ITERATIONS_AT_ONCE))
        self._add(visit.branch, "MapStateSucceeded")
        return outputs

    def _parallel(self, visit: _Visit) -> list[Any]:
        state, scope = visit.state, visit.effective
        parameters: Read | None = state.get("Parameters")
        value = scope.data if parameters is None else parameters(scope)
        self._within_limit(state.name, value)
        branches: list[Machine] = state.fields["Branches"]
        started = self._add(visit.branch, "ParallelStateStarted")
        visit.has_branches = True
        work = [partial(self.machine, machine, value, visit.context, Branch(started)) for machine in branches]
        outputs = self._hooks.gather(work, len(work))
        self._add(visit.branch, "ParallelStateSucceeded")
        return outputs


def _matches(names: frozenset[str], failure: Failure) -> bool:
    """Whether a retrier or catcher names an error; States.Runtime never is, States.DataLimitExceeded only by itself."""
    error = failure.error
    if error == RUNTIME:
        return False
    if error in names:
        return True
    wide = error != DATA_LIMIT
    return wide and ("States.ALL" in names or ("States.TaskFailed" in names and error != TIMEOUT))


def _event_kind(resource: str) -> tuple[str, dict[str, str]]:
    """How the events of a task begin, and what each of them tells."""
    if not resource.startswith("arn:aws:states:::"):
        return "LambdaFunction", {}
    kind, _, call = resource.removeprefix("arn:aws:states:::").rpartition(":")
    return "Task", {"resourceType": kind, "resource": call}


def _whole_number(state: State, field_name: str, scope: Scope, least: int) -> int:
    value = state.fields[field_name](scope)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_SECONDS:
        cause = f"The {field_name} parameter does not reference a whole number from {least} on: {value!r}."
        raise Failure(RUNTIME, cause)
    return value


def _nothing(_: Scope) -> None:
    return None


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
