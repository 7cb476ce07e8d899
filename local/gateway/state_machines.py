"""ministack's Step Functions API with moto's interpreter behind it.

ministack stores state machines and executions and serves lists of them. This module runs the executions, writes their
history as AWS does, and validates every definition that is created or changed.
"""

import contextvars
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import yaml
from ministack.services import stepfunctions
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure, CallbackOutcomeSuccess
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import SyncExecution
from moto.stepfunctions.parser.backend.state_machine import StateMachineInstance

from local.clock import Clock
from local.gateway import seams
from local.gateway.interpreter import timestamp

type Record = dict[str, Any]
type Response = tuple[int, dict[str, str], bytes]

MAX_INPUT_BYTES = 256 * 1024
REDRIVABLE = ("FAILED", "TIMED_OUT", "ABORTED")
STARTING_POLL_SECONDS = 0.01
END_EVENTS = {
    "ABORTED": ("ExecutionAborted", "executionAbortedEventDetails"),
    "TIMED_OUT": ("ExecutionTimedOut", "executionTimedOutEventDetails"),
    "FAILED": ("ExecutionFailed", "executionFailedEventDetails"),
}


@dataclass
class Run:
    """One run of an execution: the first, or one that a redrive started; both have the definition of the first."""

    definition: Record
    execution: Any = None
    redrive_count: int = 0
    earlier_events: list[Record] = field(default_factory=list)

    def events(self) -> list[Record]:
        """The execution's whole history so far, ids counted through over its redrives."""
        worker = self.execution.exec_worker
        history = worker.env.event_manager.get_event_history() if worker and worker.env else []
        events: list[Record] = json.loads(json.dumps(history, default=str))
        if not self.earlier_events:
            return events
        offset = len(self.earlier_events) - 1
        for event in events:
            event["id"] += offset
            event["previousEventId"] = max(event["previousEventId"], 1) + offset
        return self.earlier_events + events[1:]

    @property
    def environment(self) -> Any:
        """moto's evaluation environment, None before the run has begun or after it has ended."""
        worker = self.execution.exec_worker
        return worker.env if worker and worker.env and worker.env.is_running() else None


class StateMachines:
    """The running executions, and the seams that lead to them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        """Put this room in the place of ministack's own interpreter."""
        seams.STEP_FUNCTIONS_NOW.set(lambda: timestamp(self._clock.now()))
        seams.RUN_EXECUTION.set(self.run)
        seams.START_EXECUTION.wrap(self._start)
        seams.STOP_EXECUTION.wrap(self._stop)
        seams.DESCRIBE_EXECUTION.wrap(self._describe)
        seams.EXECUTION_HISTORY.wrap(self._history)
        seams.SEND_TASK_SUCCESS.set(self._task_success)
        seams.SEND_TASK_FAILURE.set(self._task_failure)
        seams.SEND_TASK_HEARTBEAT.set(self._task_heartbeat)
        seams.STEP_FUNCTIONS_REQUEST.wrap(self._redrive_beside)
        seams.CREATE_STATE_MACHINE.wrap(_validated)
        seams.UPDATE_STATE_MACHINE.wrap(_validated)
        seams.TEMPLATE_DEFINITION.wrap(_validated_template)
        seams.EVALUATION_ENVIRONMENT.wrap(self._with_redrive_count)

    def run(self, arn: str) -> None:
        """Run an execution from its start to its end."""
        record = stepfunctions._executions[arn]
        definition = json.loads(stepfunctions._state_machines[record["stateMachineArn"]]["definition"])
        self._run(record, definition, record["input"], Run(definition))

    def _run(self, record: Record, definition: Record, input_text: str, run: Run) -> None:
        machine = stepfunctions._state_machines[record["stateMachineArn"]]
        arn = record["executionArn"]
        run.execution = SyncExecution(
            name=record["name"],
            sm_type=machine["type"],
            role_arn=machine["roleArn"],
            exec_arn=arn,
            account_id=arn.split(":")[4],
            region_name=arn.split(":")[3],
            state_machine=StateMachineInstance(
                name=machine["name"],
                arn=machine["stateMachineArn"],
                definition=json.dumps(definition),
                role_arn=machine["roleArn"],
                logging_config={},
            ),
            start_date=record["startDate"],
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=input_text,
        )
        self._runs[arn] = run
        execution = run.execution
        try:
            execution.start()
        except Exception as error:  # noqa: BLE001  # a fault of the interpreter must not leave the execution running
            self._finish(record, run, "FAILED", "States.Runtime", str(error))
        else:
            status = str(execution.exec_status.value)
            self._finish(record, run, status, execution.error, execution.cause, execution.output)

    def _finish(
        self, record: Record, run: Run, status: str, error: str | None, cause: str | None, output: Any = None
    ) -> None:
        """End the record once: what a stopped or timed-out worker does afterwards changes nothing."""
        stopped = timestamp(self._clock.now())
        ended = {
            "status": status,
            "stopDate": stopped,
            "error": error,
            "cause": cause,
            "output": json.dumps(output, separators=(",", ":")) if status == "SUCCEEDED" else None,
        }
        with self._lock:
            if record["status"] != "RUNNING":
                return
            record.update(ended | {"events": _closed(run.events(), ended)})
        stepfunctions._emit_execution_status_event(record)

    def _start(self, original: Any) -> Any:
        def start(data: Record) -> Response:
            refusal = _refuse_input(data.get("input", "{}"))
            if refusal:
                return refusal
            running = self._same_running(data)
            if running:
                return _answer({"executionArn": running["executionArn"], "startDate": running["startDate"]})
            return original(data)  # type: ignore[no-any-return]  # ministack is untyped

        return start

    @staticmethod
    def _same_running(data: Record) -> Record | None:
        """A running execution with the same name and input: starting it again is the same start."""
        machine_arn = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
        if not machine_arn or not data.get("name"):
            return None
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{data['name']}"
        record: Record | None = stepfunctions._executions.get(arn)
        same = record and record["status"] == "RUNNING" and record["input"] == data.get("input", "{}")
        return record if same else None

    def _stop(self, original: Any) -> Any:
        def stop(data: Record) -> Response:
            arn = data.get("executionArn", "")
            record = stepfunctions._executions.get(arn)
            if record is None or record["status"] != "RUNNING":
                return original(data)  # type: ignore[no-any-return]  # ministack is untyped
            run = self._begun(record)
            if run is None:
                return original(data)  # type: ignore[no-any-return]  # ministack is untyped
            run.execution.stop(stop_date=self._clock.now(), error=data.get("error"), cause=data.get("cause"))
            self._finish(record, run, "ABORTED", data.get("error"), data.get("cause"))
            return _answer({"stopDate": record["stopDate"]})

        return stop

    def _begun(self, record: Record) -> Run | None:
        """The run of an execution, once its worker can be stopped; None when it has ended before that."""
        while record["status"] == "RUNNING":
            run = self._runs.get(record["executionArn"])
            if run and run.environment:
                return run
            time.sleep(STARTING_POLL_SECONDS)
        return None

    def _describe(self, original: Any) -> Any:
        def describe(data: Record) -> Response:
            status, headers, body = original(data)
            if status != 200:
                return status, headers, body
            record = stepfunctions._executions[data["executionArn"]]
            redrivable = record["status"] in REDRIVABLE
            answer = json.loads(body) | {
                "redriveCount": self._redrive_count(data["executionArn"]),
                "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
            }
            if "redriveDate" in record:
                answer["redriveDate"] = record["redriveDate"]
            return _answer(answer)

        return describe

    def _redrive_count(self, arn: str) -> int:
        return self._runs[arn].redrive_count if arn in self._runs else 0

    def _history(self, original: Any) -> Any:
        def history(data: Record) -> Response:
            record = stepfunctions._executions.get(data.get("executionArn", ""))
            run = self._runs.get(data.get("executionArn", ""))
            if record and run and record["status"] == "RUNNING":
                record["events"] = run.events() or record["events"]
            return original(data)  # type: ignore[no-any-return]  # ministack is untyped

        return history

    def _redrive_beside(self, original: Any) -> Any:
        async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
            if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
                return stepfunctions._finalize_response(self._redrive(json.loads(body)))
            return await original(method, path, headers, body, query)

        return handle

    def _redrive(self, data: Record) -> Response:
        """Run a failed execution again from the top-level state it ended in, with that state's input."""
        arn = data["executionArn"]
        record = stepfunctions._executions.get(arn)
        if record is None:
            return _refusal("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        if record["status"] not in REDRIVABLE:
            return _refusal("ExecutionNotRedrivable", f"Execution is {record['status']} and cannot be redriven.")
        now = timestamp(self._clock.now())
        count = self._redrive_count(arn) + 1
        definition = self._runs[arn].definition
        entered = _last_entered(record["events"], definition["States"]) or {
            "name": definition["StartAt"],
            "input": record["input"],
        }
        redriven = {
            "id": len(record["events"]) + 1,
            "previousEventId": len(record["events"]),
            "type": "ExecutionRedriven",
            "timestamp": now,
            "executionRedrivenEventDetails": {"redriveCount": count},
        }
        events = [*record["events"], redriven]
        record.update(status="RUNNING", stopDate=None, error=None, cause=None, redriveDate=now, events=events)
        run = Run(definition, redrive_count=count, earlier_events=events)
        arguments = (record, definition | {"StartAt": entered["name"]}, entered["input"], run)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run, *arguments), daemon=True).start()
        stepfunctions._emit_execution_status_event(record)
        return _answer({"redriveDate": now})

    def _with_redrive_count(self, original: Any) -> Any:
        def environment(worker: Any) -> Any:
            env = original(worker)
            arn = worker._evaluation_details.execution_details.arn
            env.states.context_object.context_object_data["Execution"]["RedriveCount"] = self._redrive_count(arn)
            return env

        return environment

    def _task_success(self, data: Record) -> Response:
        outcome = CallbackOutcomeSuccess(callback_id=data["taskToken"], output=data["output"])
        return self._notify(data["taskToken"], lambda pool, token: pool.notify(callback_id=token, outcome=outcome))

    def _task_failure(self, data: Record) -> Response:
        outcome = CallbackOutcomeFailure(
            callback_id=data["taskToken"], error=data.get("error"), cause=data.get("cause")
        )
        return self._notify(data["taskToken"], lambda pool, token: pool.notify(callback_id=token, outcome=outcome))

    def _task_heartbeat(self, data: Record) -> Response:
        return self._notify(data["taskToken"], lambda pool, token: pool.heartbeat(callback_id=token))

    def _notify(self, token: str, tell: Any) -> Response:
        """Tell the waiting task that holds `token`; a token nobody waits for any more has timed out."""
        environments = [run.environment for run in self._runs.values()]
        for env in filter(None, environments):
            endpoint = env.callback_pool_manager.get(token)
            if endpoint is None:
                continue
            try:
                tell(env.callback_pool_manager, token)
            except RuntimeError:
                break
            return _answer({})
        return _refusal("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")


def _closed(events: list[Record], ended: Record) -> list[Record]:
    """The history with its ending event, which a worker that is still busy would add too late."""
    if ended["status"] not in END_EVENTS:
        return events
    event_type, details = END_EVENTS[ended["status"]]
    if events and events[-1]["type"] == event_type:
        return events
    last = {
        "id": len(events) + 1,
        "previousEventId": len(events),
        "type": event_type,
        "timestamp": ended["stopDate"],
        details: {key: ended[key] for key in ("error", "cause") if ended[key]},
    }
    return [*events, last]


def _last_entered(events: list[Record], states: Record) -> Record | None:
    """The details of the last top-level state that was entered."""
    entered = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    return next((details for details in reversed(entered) if details["name"] in states), None)


def _validated(original: Any) -> Any:
    def with_valid_definition(data: Record) -> Response:
        problem = _definition_problem(data["definition"]) if "definition" in data else None
        if problem:
            return _refusal("InvalidDefinition", problem)
        return original(data)  # type: ignore[no-any-return]  # ministack is untyped

    return with_valid_definition


def _validated_template(original: Any) -> Any:
    def definition_of(properties: Record) -> str:
        definition = _as_json(original(properties))
        problem = _definition_problem(definition)
        if problem:
            raise seams.TEMPLATE_DEFINITION_ERROR.get()(problem)
        return definition

    return definition_of


def _as_json(definition: str) -> str:
    """A definition that a template may also keep as YAML."""
    try:
        json.loads(definition)
    except ValueError:
        return json.dumps(yaml.safe_load(definition))
    return definition


def _definition_problem(definition: str) -> str | None:
    """What is wrong with a definition, in the words of the API; None for a valid one."""
    try:
        parsed = json.loads(definition)
        AmazonStateLanguageParser.parse(definition)
    except Exception as error:  # noqa: BLE001  # the parser raises whatever its grammar or visitors meet
        return f"Invalid State Machine Definition: '{error}'"
    missing = list(_missing_targets(parsed))
    return f"Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: {', '.join(missing)}'" if missing else None


def _missing_targets(machine: Record) -> Any:
    """Every state name that a (nested) machine points to and does not have."""
    states = machine["States"]
    yield from {machine["StartAt"]} - states.keys()
    for name, state in states.items():
        rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
        targets = {rule["Next"] for rule in rules if "Next" in rule} | (
            {state["Default"]} if "Default" in state else set()
        )
        yield from (f"{name} -> {target}" for target in sorted(targets - states.keys()))
        for inner in (*state.get("Branches", []), state.get("ItemProcessor") or state.get("Iterator")):
            yield from _missing_targets(inner) if inner else ()


def _refuse_input(text: str) -> Response | None:
    if len(text.encode()) > MAX_INPUT_BYTES:
        return _refusal("ValidationException", f"Value at 'input' is longer than {MAX_INPUT_BYTES} bytes.")
    try:
        json.loads(text)
    except ValueError as error:
        return _refusal("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'")
    return None


def _answer(body: Record) -> Response:
    return stepfunctions.json_response(body)  # type: ignore[no-any-return]  # ministack is untyped


def _refusal(code: str, message: str) -> Response:
    return stepfunctions.error_response_json(code, message, 400)  # type: ignore[no-any-return]  # ministack is untyped
