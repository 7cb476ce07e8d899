"""Runs Lambda functions: deployed archives, in separate processes and without containers.

Third-party packages come from this environment's site-packages, because the layer contains wheels for Linux arm64. The
project's own package comes from the deployed layer. Each function has the credentials of its own role.
"""

import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from local.clock import Clock
from local.gateway import lambda_runtime, seams
from local.gateway.credentials import CredentialRegistry, RoleCredentials, RoleNotAssumableError

LAMBDA = "lambda.amazonaws.com"
INIT_LIMIT_SECONDS = 10.0
NO_HOME = "/home/sbx_user1051"  # as on Lambda: a home that does not exist, so no AWS configuration is read from it

type Result = dict[str, Any]


class Archives:
    """Function and layer archives, each unpacked once per content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, archive: bytes, shadowing: Path | None = None) -> Path:
        """The folder that holds the archive's files.

        Leaves out the packages of a layer that `shadowing` has too, because nothing would ever import them.
        """
        target = self._folder / hashlib.sha256(archive).hexdigest()[:16]
        with self._lock:
            if not target.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(io.BytesIO(archive)) as files:
                    names = files.namelist()
                    files.extractall(partial, [name for name in names if not _shadowed(name, shadowing)])
                partial.rename(target)
        return target


class ForkServer:
    """The warm interpreter that forks environments. It, and all it forked, ends with this process."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter and a file of ours
                [sys.executable, "-I", "-S", lambda_runtime.__file__, str(theirs.fileno()), _site_packages()],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            )

    def fork(self, order: dict[str, Any], connection: int, log: int) -> int:
        """The pid of a new environment that has these two file descriptors."""
        return self._ask(order, [connection, log])

    def end(self, pid: int) -> int:
        """Kill an environment and answer its exit code; negative for a signal."""
        lambda_runtime.kill(pid)
        return self.reap(pid)

    def reap(self, pid: int) -> int:
        """Wait for an environment that is ending and answer its exit code."""
        with contextlib.suppress(OSError, struct.error):
            return self._ask({"reap": pid}, [])
        return -signal.SIGKILL  # it ended with the fork server

    def close(self) -> None:
        """End every environment."""
        self._control.close()
        self._process.wait()

    def _ask(self, order: dict[str, Any], descriptors: list[int]) -> int:
        payload = json.dumps(order).encode()
        with self._lock:
            socket.send_fds(self._control, [struct.pack("!I", len(payload))], descriptors)
            self._control.sendall(payload)
            answer: int = struct.unpack("!i", self._control.recv(4, socket.MSG_WAITALL))[0]
        return answer


class Environment:
    """One warm process of one function, for one invocation at a time."""

    def __init__(
        self,
        fork_server: ForkServer,
        clock: Clock,
        order: dict[str, Any],
        fingerprint: str,
        credentials: RoleCredentials,
    ) -> None:
        self.fingerprint = fingerprint
        self.credentials = credentials
        self.alive = True
        self._fork_server = fork_server
        self._clock = clock
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives as long as the environment
        self._log_read = 0
        with theirs:
            self._pid = fork_server.fork(order, theirs.fileno(), self._log.fileno())

    def prepare(self, request_id: str) -> Result | None:
        """Wait until the handler is loaded; the error that prevented it otherwise."""
        message = self._receive(request_id, INIT_LIMIT_SECONDS)
        if "ready" in message:
            return None
        self.stop()
        return message["error"] | {"requestId": request_id}  # type: ignore[no-any-return]  # JSON

    def invoke(self, event: Any, request_id: str, function_arn: str, timeout: float) -> Result:
        """`{"ok": <JSON text>}` or `{"error": {...}}`."""
        order = {
            "event": event,
            "request_id": request_id,
            "function_arn": function_arn,
            "deadline": time.time() + timeout,
            "trace": lambda_runtime.trace_header(),
        }
        with contextlib.suppress(BrokenPipeError):
            self._connection.send_bytes(json.dumps(order).encode())
        return self._receive(request_id, timeout)

    def new_output(self) -> str:
        """What the function printed since the last call."""
        size = os.fstat(self._log.fileno()).st_size
        output = os.pread(self._log.fileno(), size - self._log_read, self._log_read)
        self._log_read = size
        return output.decode("utf-8", "replace")

    def stop(self) -> int:
        """End the process; its exit code."""
        self.alive = False
        self._connection.close()
        return self._fork_server.end(self._pid)

    def _receive(self, request_id: str, timeout: float) -> Result:
        try:
            if self._connection.poll(self._clock.limit(timeout)):
                return json.loads(self._connection.recv_bytes())  # type: ignore[no-any-return]  # JSON
        except (EOFError, ConnectionResetError):
            return {"error": self._exit_error(request_id)}
        self.stop()
        message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
        return {"error": {"errorType": "Sandbox.Timedout", "errorMessage": message}}

    def _exit_error(self, request_id: str) -> Result:
        self.alive = False
        code = self._fork_server.reap(self._pid)
        reason = f"signal: {-code}" if code < 0 else f"exit status {code}"
        message = f"RequestId: {request_id} Error: Runtime exited with error: {reason}"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}


@dataclass(frozen=True)
class Endpoints:
    """Where a function's SDK calls go."""

    gateway: str
    bedrock: str | None

    def environment(self) -> dict[str, str]:
        """The endpoints as AWS_ENDPOINT_URL variables."""
        variables = {"AWS_ENDPOINT_URL": self.gateway}
        if self.bedrock:
            served = ("BEDROCK", "BEDROCK_RUNTIME", "SERVICE_QUOTAS", "PRICING")
            variables |= {f"AWS_ENDPOINT_URL_{service}": self.bedrock for service in served}
        return variables


class Functions:
    """Runs ministack's functions in environments of ours."""

    def __init__(self, state: Path, clock: Clock, endpoints: Endpoints, registry: CredentialRegistry) -> None:
        self._clock = clock
        self._archives = Archives(state / "code")
        self._logs = state / "logs" / "functions"
        self._endpoints = endpoints
        self._registry = registry
        self._fork_server = ForkServer()
        self._idle: dict[str, list[Environment]] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        """Put this executor in the place of ministack's."""
        seams.EXECUTE_FUNCTION.set(self.execute)

    def close(self) -> None:
        """End every environment."""
        self._fork_server.close()

    def execute(self, function: dict[str, Any], event: Any, request_id: str) -> Result:
        """Invoke a function: ministack's record in, ministack's result out."""
        with self._clock.working():
            return self._execute(function, event, request_id)

    def _execute(self, function: dict[str, Any], event: Any, request_id: str) -> Result:
        config = function.get("config") or function
        try:
            environment, fault = self._environment(function, config, request_id)
        except RoleNotAssumableError as error:
            return {"body": {"errorType": "AccessDeniedException", "errorMessage": str(error)}, "error": True}
        outcome: Result = {"error": fault}
        if fault is None:
            outcome = environment.invoke(event, request_id, config["FunctionArn"], float(config.get("Timeout", 3)))
        log = self._keep_log(config["FunctionName"], environment.new_output(), outcome)
        if environment.alive:
            with self._lock:
                self._idle.setdefault(_qualified(config), []).append(environment)
        if "error" in outcome:
            return {"body": outcome["error"], "error": True, "log": log}
        return {"body": json.loads(outcome["ok"]), "log": log}

    def _environment(
        self, function: dict[str, Any], config: dict[str, Any], request_id: str
    ) -> tuple[Environment, Result | None]:
        """An idle environment of the deployed code, else a new one; with the error that kept it from starting."""
        name = _qualified(config)
        credentials = self._registry.assume(config["Role"], LAMBDA, config["FunctionName"])
        fingerprint = _fingerprint(config)
        with self._lock:
            idle = self._idle.pop(name, [])
            current = [known for known in idle if (known.fingerprint, known.credentials) == (fingerprint, credentials)]
            self._idle[name] = current[1:]
        for outdated in (known for known in idle if known not in current):
            outdated.stop()
        if current:
            return current[0], None
        order = self._order(function, config, credentials)
        environment = Environment(self._fork_server, self._clock, order, fingerprint, credentials)
        return environment, environment.prepare(request_id)

    def _order(self, function: dict[str, Any], config: dict[str, Any], credentials: RoleCredentials) -> dict[str, Any]:
        task_root = str(self._archives.unpacked(function["code_zip"]))
        archives = [seams.LAYER_ARCHIVE.get()(layer) for layer in config.get("Layers") or []]
        shadowing = Path(_site_packages())
        layers = [str(self._archives.unpacked(archive, shadowing) / "python") for archive in archives if archive]
        region, version = config["FunctionArn"].split(":")[3], _version(config)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": NO_HOME,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config['FunctionName']}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[{version}]{uuid.uuid4().hex}",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "LAMBDA_TASK_ROOT": task_root,
            "_HANDLER": config["Handler"],
            **credentials.environment(),
            **self._endpoints.environment(),
            **_variables(config),
        }
        return {"task_root": task_root, "layers": layers, "environment": environment}

    def _keep_log(self, name: str, output: str, outcome: Result) -> str:
        """Append an invocation's output to the function's log file."""
        fault = outcome.get("error", {})
        if fault and "stackTrace" not in fault:
            output += f"{fault['errorType']}: {fault['errorMessage']}\n"
        if output:
            self._logs.mkdir(parents=True, exist_ok=True)
            with (self._logs / f"{name}.log").open("a", encoding="utf-8") as log:
                log.write(output)
        return output


def _variables(config: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in ((config.get("Environment") or {}).get("Variables") or {}).items()}


def _version(config: dict[str, Any]) -> str:
    return str(config.get("Version", "$LATEST"))


def _qualified(config: dict[str, Any]) -> str:
    """A function with its version: each keeps the code and the configuration that it was published with."""
    return f"{config['FunctionName']}:{_version(config)}"


def _fingerprint(config: dict[str, Any]) -> str:
    """What a warm environment depends on besides its credentials."""
    parts = (
        config["CodeSha256"],
        config["Handler"],
        config.get("MemorySize"),
        config.get("Layers"),
        _variables(config),
    )
    return json.dumps(parts, sort_keys=True, default=str)


def _shadowed(name: str, shadowing: Path | None) -> bool:
    parts = Path(name).parts
    return shadowing is not None and len(parts) > 1 and (shadowing / parts[1]).exists()


def _site_packages() -> str:
    return sysconfig.get_paths()["purelib"]
