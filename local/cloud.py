"""The local cloud as an object: start it, talk to it with boto3, read its mails, stop it."""

import contextlib
import json
import selectors
import subprocess
import sys
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

ROOT_KEY = "test"
BEDROCK_SERVICES = ("bedrock", "bedrock-runtime", "service-quotas")
# Limits for a process that hangs; normally one that cannot start ends at once, and one that is stopped ends soon.
START_SECONDS = 900.0
STOP_SECONDS = 60.0
CALL_SECONDS = 9600.0
LOG_LINES = 15


class CloudError(RuntimeError):
    """The local cloud did not start, or ended."""


@dataclass(frozen=True)
class Mail:
    """One mail that an e-mail subscriber got."""

    to: str
    subject: str
    body: str
    path: Path


class Cloud:
    """A running local cloud; a context manager that stops it."""

    def __init__(self, process: subprocess.Popen[bytes], state: Path, region: str, account: str) -> None:
        self.state = state
        self.region = region
        self.account = account
        self.endpoint = ""
        self.bedrock_endpoint: str | None = None
        self._process = process
        self._clients: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """The gateway's process id."""
        return self._process.pid

    @classmethod
    def start(
        cls,
        state: Path,
        time_scale: float = 300,
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
        port: int = 0,
        bedrock_port: int = 0,
        bedrock: bool = True,
    ) -> Self:
        """Start a local cloud that keeps its mails and logs under `state`; raises CloudError if it does not start.

        With a `time_scale` of 300, 300 seconds of service time pass in one real second.
        """
        state = state.resolve()
        (state / "logs").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "local.gateway", "--stop-with-stdin", "--state", str(state)]
        command += ["--time-scale", str(time_scale), "--region", region, "--account", account]
        command += ["--port", str(port), "--bedrock-port", str(bedrock_port)]
        command += [] if bedrock else ["--no-bedrock"]
        with (state / "logs" / "gateway.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  # this interpreter and a module of ours
                command,
                cwd=Path(__file__).parents[1],  # this package is not installed
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        cloud = cls(process, state, region, account)
        cloud._wait_until_ready()
        return cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def client(self, service: str) -> Any:
        """The boto3 client of the account's root user for `service`."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]  # any service by name
            endpoint_url=self.bedrock_endpoint if service in BEDROCK_SERVICES else self.endpoint,
            region_name=self.region,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=Config(
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                connect_timeout=CALL_SECONDS,
                read_timeout=CALL_SECONDS,  # an invocation is answered when the function is done
            ),
        )

    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to use this cloud in place of AWS."""
        variables = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        }
        if self.bedrock_endpoint:
            for service in BEDROCK_SERVICES:
                variables[f"AWS_ENDPOINT_URL_{service.replace('-', '_').upper()}"] = self.bedrock_endpoint
        return variables

    def mails(self) -> list[Mail]:
        """Every mail so far, oldest first."""
        return [_read_mail(path) for path in sorted((self.state / "outbox").glob("*.eml"))]

    def logs(self) -> dict[str, str]:
        """What each function printed so far, by function name."""
        folder = self.state / "logs" / "functions"
        return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.log"))}

    def gateway_log(self) -> str:
        """What the gateway itself reported."""
        return (self.state / "logs" / "gateway.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the gateway and everything it started; stopping twice is fine."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # what it started notices, and ends too
            self._process.wait()

    def _wait_until_ready(self) -> None:
        line = self._first_line()
        if not line:
            late = f" within {START_SECONDS:.0f} s" if line is None else ""
            self.stop()
            tail = "\n".join(self.gateway_log().splitlines()[-LOG_LINES:])
            raise CloudError(f"The local cloud did not start{late}:\n{tail}")
        endpoints = json.loads(line)
        self.endpoint = endpoints["endpoint"]
        self.bedrock_endpoint = endpoints["bedrock_endpoint"]

    def _first_line(self) -> bytes | None:
        """The gateway's first line of output; empty when it ended without one, None when it hangs."""
        output = self._process.stdout
        assert output is not None  # noqa: S101  # opened as a pipe in start()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            ready = selector.select(START_SECONDS)
        return output.readline() if ready else None


def _read_mail(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_content().replace("\r\n", "\n").removesuffix("\n")
    return Mail(to=str(message["To"]), subject=str(message["Subject"]), body=body, path=path)
