"""moto's interpreter as the local cloud corrects it, in this process, with scripted tasks: to compare with."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure, CallbackOutcomeSuccess
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import SyncExecution
from moto.stepfunctions.parser.backend.state_machine import StateMachineInstance

from local.clock import Clock
from local.gateway import interpreter, seams
from local.gateway.credentials import CredentialRegistry
from tests.simulation.interpreter import TIMEOUT, TaskFailed

PREFIX = "arn:aws:states:us-east-1:000000000000"
FAST = 1_000_000.0  # service seconds in one real second


@dataclass(frozen=True)
class Answered:
    """What somebody answers to a task token while the function still runs: JSON, or TaskFailed."""

    outcome: Any


@dataclass
class Script:
    """What the tasks of a machine answer: for each resource the outcome of each attempt, the last one again and again.

    Attempts are counted for each payload by itself, so iterations at the same time do not disturb each other.
    """

    outcomes: dict[str, Sequence[Any]]
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def answer(self, resource: str, payload: Any) -> Any:
        """The outcome of the next attempt: JSON to return, or TaskFailed to raise."""
        told = {**payload, "token": ""} if isinstance(payload, dict) else payload
        key = (resource, json.dumps(told, sort_keys=True))
        outcomes = self.outcomes[resource.rpartition(":")[2]]
        outcome = outcomes[min(self.calls[key], len(outcomes) - 1)]
        self.calls[key] += 1
        if isinstance(outcome, TaskFailed):
            raise TaskFailed(outcome.error, outcome.cause)
        return outcome


@dataclass(frozen=True)
class Outcome:
    """How moto ended an execution, and its history as the API answers it."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    events: list[dict[str, Any]]


class _Lambda:
    """A boto3 client of Lambda that answers by a script, and task tokens through moto's pool of those that wait."""

    def __init__(self, script: Script, pool: Callable[[], Any]) -> None:
        self._script, self._pool = script, pool

    def invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803  # boto3's names
        try:
            answer = self._script.answer(FunctionName, json.loads(Payload))
            if isinstance(answer, Answered):
                self._call_back(json.loads(Payload)["token"], answer.outcome)
                answer = "what the function returns is not looked at"
        except TaskFailed as failed:
            if failed.error == TIMEOUT:
                raise TimeoutError(failed.cause) from None
            told = {"errorType": failed.error, "errorMessage": failed.cause}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def _call_back(self, token: str, outcome: Any) -> None:
        told: Any = (
            CallbackOutcomeFailure(callback_id=token, error=outcome.error, cause=outcome.cause)
            if isinstance(outcome, TaskFailed)
            else CallbackOutcomeSuccess(callback_id=token, output=json.dumps(outcome))
        )
        self._pool().notify(callback_id=token, outcome=told)


@contextmanager
def corrected_moto() -> Iterator[Moto]:
    """moto with the local cloud's corrections, which are taken back at the end."""
    moto = Moto()
    with pytest.MonkeyPatch.context() as patch:
        for seam in seams.ALL:
            if seam.module.startswith(seams.ASL):
                name = seam.name.rpartition(".")[2]
                patch.setattr(seam.owner(), name, vars(seam.owner())[name])
        original = seams.BOTO_CLIENT.get()
        for module in list(sys.modules.values()):
            if getattr(module, "boto_client_for", None) is original:
                patch.setattr(module, "boto_client_for", original)
        patch.setattr(interpreter, "Clients", lambda *_: moto)
        interpreter.install(Clock(FAST), "", CredentialRegistry())
        patch.setattr(AmazonStateLanguageParser, "parse", staticmethod(cache(AmazonStateLanguageParser.parse)))
        yield moto


class Moto:
    """moto's interpreter, whose tasks a script answers."""

    def __init__(self) -> None:
        self._script = Script({})
        self._execution: Any = None

    def get(self, *_: Any, **__: Any) -> _Lambda:
        """The client of Lambda, where the local cloud would make one."""
        return _Lambda(self._script, lambda: self._execution.exec_worker.env.callback_pool_manager)

    def run(self, definition: dict[str, Any], execution_input: Any, script: Script) -> Outcome:
        """Execute a definition to its end."""
        self._script = script
        machine = StateMachineInstance(
            name="m",
            arn=f"{PREFIX}:stateMachine:m",
            definition=json.dumps(definition),
            role_arn="arn:aws:iam::000000000000:role/r",
            logging_config={},
        )
        execution = SyncExecution(
            name="e",
            sm_type="STANDARD",
            role_arn=machine.role_arn,
            exec_arn=f"{PREFIX}:execution:m:e",
            account_id="000000000000",
            region_name="us-east-1",
            state_machine=machine,
            start_date=datetime.now(UTC).isoformat(),
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=json.dumps(execution_input),
        )
        self._execution = execution
        execution.start()
        events = execution.exec_worker.env.event_manager.get_event_history()
        return Outcome(
            str(execution.exec_status.value),
            execution.output,
            execution.error,
            execution.cause,
            json.loads(json.dumps(events, default=str)),
        )
