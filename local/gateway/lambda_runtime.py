"""The Lambda execution environment: a warm interpreter that forks one process per environment.

It runs as a separate program (`python -I -S lambda_runtime.py`) and imports nothing from this project. For each
environment the parent sends one JSON order over a socket, with the environment's connection and log file. When the
parent ends, the socket closes and every environment is killed.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
import uuid
from multiprocessing.connection import Connection
from typing import Any, NoReturn

MAX_RESPONSE_BYTES = 6_291_556
PRELOADED = ("boto3", "pydantic", "aws_lambda_powertools", "yaml", "orjson")


class LambdaContext:
    """What a handler gets as its second argument."""

    identity = None
    client_context = None
    tenant_id = None

    def __init__(self, request_id: str, function_arn: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out."""
        return max(0, int((self._deadline - time.time()) * 1000))


class RuntimeFaultError(Exception):
    """An error that the runtime reports under a name of its own."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def load_handler(name: str) -> Any:
    """Import the function that `module.function` names."""
    module_name, _, function_name = name.rpartition(".")
    if not module_name:
        raise RuntimeFaultError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise RuntimeFaultError(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise RuntimeFaultError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        ) from error
    if not hasattr(module, function_name):
        raise RuntimeFaultError(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    return getattr(module, function_name)


def call_handler(handler: Any, order: dict[str, Any]) -> str:
    """The handler's answer as JSON text."""
    context = LambdaContext(order["request_id"], order["function_arn"], order["deadline"])
    answer = handler(order["event"], context)
    try:
        text = json.dumps(answer, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise RuntimeFaultError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    if (size := len(text.encode())) > MAX_RESPONSE_BYTES:
        raise RuntimeFaultError(
            "Function.ResponseSizeTooLarge",
            f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
        )
    return text


def describe(error: Exception, request_id: str) -> dict[str, Any]:
    """An error in the shape in which Lambda reports it."""
    fault = isinstance(error, RuntimeFaultError)
    frames = [] if fault else traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": error.error_type if isinstance(error, RuntimeFaultError) else type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(own),
    }


def serve(connection: Connection, handler_name: str) -> None:
    """Load the handler, then answer invocations until the connection ends."""
    try:
        handler = load_handler(handler_name)
    except Exception as error:  # noqa: BLE001  # whatever a module raises on import is the function's error
        report(describe(error, ""))
        return send(connection, {"error": describe(error, "")})
    send(connection, {"ready": True})
    with contextlib.suppress(EOFError):
        while True:
            order = json.loads(connection.recv_bytes())
            os.environ["_X_AMZN_TRACE_ID"] = order["trace"]
            try:
                result: dict[str, Any] = {"ok": call_handler(handler, order)}
            except Exception as error:  # noqa: BLE001  # whatever a handler raises is the function's error
                fault = describe(error, order["request_id"])
                report(fault)
                result = {"error": fault}
            send(connection, result)
    return None


def report(fault: dict[str, Any]) -> None:
    """Write an error to the function's log, as the Lambda runtime does."""
    trace = "".join(fault["stackTrace"])
    print(f"[ERROR] {fault['errorType']}: {fault['errorMessage']}\nTraceback (most recent call last):\n{trace}")


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send what happened, after everything that was printed has reached the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send_bytes(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def become_environment(order: dict[str, Any], connection_fd: int, log_fd: int) -> NoReturn:
    """Turn the forked process into the function's environment; ends with the exit status of its code."""
    status = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        os.chdir(order["task_root"])
        sys.path[:] = [order["task_root"], *sys.path, *order["layers"]]
        serve(Connection(connection_fd), order["environment"]["_HANDLER"])
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001  # the last frame of the process: nothing may escape into the parent's loop
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The parent's next order with its file descriptors; None when the parent is gone."""
    header, descriptors, _, _ = socket.recv_fds(control, 4, 2)
    if len(header) < 4:
        return None, []
    size = struct.unpack("!I", header)[0]
    payload = control.recv(size, socket.MSG_WAITALL)
    return (json.loads(payload) if len(payload) == size else None), list(descriptors)


def fork_environments(control: socket.socket) -> None:
    """Carry out orders: fork an environment (answer: its pid) or reap one (answer: its exit code)."""
    children: set[int] = set()
    while True:
        order, descriptors = receive(control)
        if order is None:
            break
        if "reap" in order:
            children.discard(order["reap"])
            answer = os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                control.close()
                become_environment(order, *descriptors)
            children.add(answer)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(struct.pack("!i", answer))
    for pid in children:
        kill(pid)


def kill(pid: int) -> None:
    """Kill an environment and whatever it started."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def trace_header() -> str:
    """An X-Ray header that says: do not record."""
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"


def main(control_fd: str, site_packages: str) -> None:
    """Load what most functions import, then fork environments until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.append(site_packages)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    fork_environments(socket.socket(fileno=int(control_fd)))


if __name__ == "__main__":
    main(*sys.argv[1:])
