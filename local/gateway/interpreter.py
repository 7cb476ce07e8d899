"""moto's Step Functions interpreter, corrected where AWS behaves differently, on the scaled clock.

These use service time: waits, retry intervals, the timeout of the execution, the timeouts of tasks that wait for a
token, and every timestamp that an execution sees. Other task timeouts limit work, so they use real time.
"""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import moto.stepfunctions.parser.backend.execution  # noqa: F401  # loads every module that holds a seam
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from local.clock import Clock
from local.gateway import seams
from local.gateway.credentials import CredentialRegistry, RoleCredentials

STEP_FUNCTIONS = "states.amazonaws.com"
NEVER_CAUGHT = "States.Runtime"
NOT_CAUGHT_BY_ALL = (NEVER_CAUGHT, "States.DataLimitExceeded")
LONGEST_FUNCTION_SECONDS = 960


def install(clock: Clock, endpoint: str, registry: CredentialRegistry) -> None:
    """Put every correction in its place."""
    _route_calls(Clients(endpoint, registry, clock.limit(LONGEST_FUNCTION_SECONDS)).get)
    _scale_time(clock)
    seams.ERROR_EQUALS.set(_matches_error)
    seams.COMPARE_VARIABLE.set(_compare_variable)
    seams.CHOICE_STATE.set(_choose)
    seams.ITERATION_ERROR.set(ForwardedErrorName)
    seams.BRANCH_ERROR.set(ForwardedErrorName)
    seams.LAMBDA_TASK_ERROR.wrap(_naming_service_errors(HistoryEventType.TaskFailed, "taskFailedEventDetails"))
    seams.LAMBDA_ARN_TASK_ERROR.wrap(
        _naming_service_errors(HistoryEventType.LambdaFunctionFailed, "lambdaFunctionFailedEventDetails")
    )


def timestamp(moment: datetime) -> str:
    """A moment as Step Functions writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clients:
    """boto3 clients towards the gateway that act with the state machine's role."""

    def __init__(self, endpoint: str, registry: CredentialRegistry, longest_call_seconds: float) -> None:
        self._endpoint = endpoint
        self._registry = registry
        self._longest_call_seconds = longest_call_seconds
        self._clients: dict[tuple[str, str, str], tuple[RoleCredentials, Any]] = {}

    def get(self, region: str, service: str, state_credentials: Any = None) -> Any:
        """The client for `service`, with the credentials of the role in `state_credentials`."""
        role_arn = state_credentials.role_arn
        session = self._registry.assume(role_arn, STEP_FUNCTIONS, "states")
        known = self._clients.get((role_arn, service, region))
        if known and known[0] == session:
            return known[1]
        client = boto3.session.Session().client(
            service,  # type: ignore[call-overload]  # any service the state machine names
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=session.access_key,
            aws_secret_access_key=session.secret_key,
            aws_session_token=session.session_token,
            config=Config(
                parameter_validation=False,
                inject_host_prefix=False,
                retries={"total_max_attempts": 1},
                read_timeout=self._longest_call_seconds,
                max_pool_connections=64,
            ),
        )
        self._clients[role_arn, service, region] = (session, client)
        return client


class ForwardedErrorName(ErrorName):  # type: ignore[misc]  # moto is untyped
    """The name of an error that ended an iteration or a branch; moto refuses those of Step Functions itself."""


class ServiceSeconds(float):
    """A span of service time."""


class LocalTimeout(Timeout):  # type: ignore[misc]  # moto is untyped
    """A declared timeout or heartbeat in the time that it has here."""

    def __init__(self, declared: Any, seconds_here: Callable[[float], float]) -> None:
        self._declared = declared
        self._seconds_here = seconds_here

    def is_default_value(self) -> bool:
        """Whether the definition declares none."""
        return bool(self._declared.is_default_value())

    def _eval_seconds(self, env: Any) -> float:
        return self._seconds_here(self._declared._eval_seconds(env))


def _route_calls(client_for: Callable[..., Any]) -> None:
    original = seams.BOTO_CLIENT.get()
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions") and getattr(module, "boto_client_for", None) is original:
            module.boto_client_for = client_for  # type: ignore[attr-defined]  # the name was just seen


def _scale_time(clock: Clock) -> None:
    class Event(threading.Event):
        """An event that is waited for in service time where that is asked."""

        def wait(self, timeout: float | None = None) -> bool:
            if isinstance(timeout, ServiceSeconds):
                return self.is_set() or clock.wait(super().wait, timeout)
            return super().wait(timeout)

    def wait(_wait: Any, env: Any, wait_seconds: float) -> None:
        def woken(seconds: float) -> bool:
            env.program_state_event.wait(seconds)
            return not env.is_running()

        clock.wait(woken, wait_seconds)

    def seconds_until(timestamp_decl: Any, env: Any) -> float:
        timestamp_decl.string.eval(env=env)
        text = env.stack.pop()
        if timestamp_decl._from_timestamp_string(timestamp=text) is None:
            raise FailureEventException(timestamp_decl._create_failure_event(env, text))
        return float((datetime.fromisoformat(text) - clock.now()).total_seconds())

    def run_program(program: Any, env: Any) -> None:
        limit = program.timeout_seconds

        def ended(seconds: float) -> bool:
            worker.join(seconds)
            return not worker.is_alive()

        env.next_state_name = program.start_at.start_at_name
        worker = threading.Thread(target=EvalComponent.eval, args=(program, env), daemon=True)
        worker.start()
        if limit is None:
            worker.join()
        elif not clock.wait(ended, limit.timeout_seconds) and worker.is_alive():
            env.set_timed_out()

    def with_local_timeouts(original: Any) -> Any:
        def from_state_props(task: Any, state_props: Any) -> None:
            original(task, state_props)
            waits = getattr(task.resource, "condition", None) == ResourceCondition.WaitForTaskToken
            seconds_here = ServiceSeconds if waits else clock.limit
            task.timeout = LocalTimeout(task.timeout, seconds_here)
            task.heartbeat = task.heartbeat and LocalTimeout(task.heartbeat, seconds_here)

        return from_state_props

    def state_data(**data: Any) -> dict[str, Any]:
        return data | {"EnteredTime": timestamp(clock.now())}

    seams.WAIT_INTERVAL.set(wait)
    seams.WAIT_TIMESTAMP.set(seconds_until)
    seams.RETRY_TIME.set(SimpleNamespace(sleep=clock.sleep))
    seams.PROGRAM_EVAL.set(run_program)
    seams.TASK_PROPERTIES.wrap(with_local_timeouts)
    seams.TASK_EVENTS.set(SimpleNamespace(Event=Event))
    seams.HEARTBEAT_EVENT.set(Event)
    seams.STATE_DATA.set(state_data)
    seams.EVENT_TIMESTAMP.set(staticmethod(clock.now))


def _matches_error(error_equals: Any, env: Any) -> None:
    """`States.Runtime` is never caught or retried, `States.DataLimitExceeded` only by its own name.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    reported = env.stack.pop()
    error = (reported and reported.error_name) or ""
    names = [name.error_name for name in error_equals.error_names]
    env.stack.append(
        error != NEVER_CAUGHT
        and (
            error in names
            or ("States.ALL" in names and error not in NOT_CAUGHT_BY_ALL)
            or ("States.TaskFailed" in names and not error.startswith("States."))
        )
    )


def _compare_variable(comparison: Any, env: Any) -> None:
    """A Choice on a path that does not exist fails the execution, unless it asks `IsPresent`."""
    comparison.variable.eval(env)
    function = comparison.comparison_function
    if isinstance(env.stack[-1], NoSuchVariable) and function.operator_type is not ComparisonOperatorType.IsPresent:
        path = comparison.variable.string_sampler.literal_value
        raise _failure(
            env,
            StatesErrorName(typ=StatesErrorNameType.StatesRuntime),
            f"Invalid path '{path}': The choice state's condition path references an invalid value.",
        )
    function.eval(env)


def _choose(choice: Any, env: Any) -> None:
    """The first rule that holds, else the default, else the named error `States.NoChoiceMatched`."""
    for rule in choice.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append(rule.next_stmt.name)
            return
    if choice.default_state is None:
        raise _failure(
            env,
            StatesErrorName(typ=StatesErrorNameType.StatesNoChoiceMatched),
            f"Failed to transition out of the state. The state '{choice.name}' does not point to a next state.",
        )
    env.stack.append(choice.default_state.state_name)


def _naming_service_errors(event_type: HistoryEventType, details: str) -> Callable[[Any], Any]:
    """Name what Lambda itself refuses, and a call that never reached it, as Step Functions names them."""

    def wrapper(original: Any) -> Any:
        def from_error(task: Any, env: Any, ex: Exception) -> Any:
            if isinstance(ex, ClientError):
                code = ex.response["Error"]["Code"]
                name = "Lambda.AWSLambdaException" if code.startswith("AccessDenied") else f"Lambda.{code}"
            elif isinstance(ex, BotoCoreError):
                name = "Lambda.SdkClientException"
            else:
                return original(task, env, ex)
            told = {"error": name, "cause": f"{ex} (Service: AWSLambda)"}
            if event_type is HistoryEventType.TaskFailed:
                told |= {"resource": task._get_sfn_resource(), "resourceType": task._get_sfn_resource_type()}
            return FailureEvent(
                env=env,
                error_name=CustomErrorName(name),
                event_type=event_type,
                event_details=EventDetails(**{details: told}),
            )

        return from_error

    return wrapper


def _failure(env: Any, error: ErrorName, cause: str) -> Exception:
    details = ExecutionFailedEventDetails(error=error.error_name, cause=cause)
    failure: Exception = FailureEventException(
        FailureEvent(
            env=env,
            error_name=error,
            event_type=HistoryEventType.ExecutionFailed,
            event_details=EventDetails(executionFailedEventDetails=details),
        )
    )
    return failure
