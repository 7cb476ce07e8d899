"""The Bedrock emulator as an HTTP server on loopback: control plane and runtime on one port, in threads."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from local.bedrock.authorization import IamPolicies, Registry, s3_as
from local.bedrock.faults import Faults
from local.bedrock.protocol import Protocol, Response
from local.bedrock.records import State
from local.bedrock.runtime import Runtime
from local.bedrock.service import ResponseLostError, Service, declared_errors
from local.bedrock.world import Policies, World
from local.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOST = "127.0.0.1"
STOP_SECONDS = 5.0
_STOP_POLL_SECONDS = 0.05


@dataclass
class Bedrock:
    """A running emulator."""

    endpoint: str
    world: World
    service: Service
    _server: ThreadingHTTPServer
    _thread: threading.Thread

    def stop(self) -> None:
        """Stop answering and leave the jobs in progress where they are."""
        self.world.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(STOP_SECONDS)


def start(  # noqa: PLR0913 - what an emulator needs to know, each by name
    *,
    port: int,
    clock: Clock,
    registry: Registry,
    gateway_endpoint: str,
    region: str,
    account: str,
    policies: Policies | None = None,
    s3_for_role: Callable[[str], "S3Client"] | None = None,
) -> Bedrock:
    """Start an emulator with an empty account; port 0 means any free port.

    By default IAM policies are read from the gateway, and jobs use S3 there with their own role. `policies` and
    `s3_for_role` replace this.
    """
    protocol, runtime = Protocol(), Runtime()
    world = World(
        clock=clock,
        region=region,
        account=account,
        state=State(),
        faults=Faults(declared_errors(protocol, runtime)),
        policies=policies or IamPolicies.at(gateway_endpoint, region),
        s3_for_role=s3_for_role or s3_as(registry, gateway_endpoint, region),
    )
    service = Service(world, protocol, runtime, registry)
    server = _Server((HOST, port), service, clock)
    thread = threading.Thread(target=server.serve_forever, args=(_STOP_POLL_SECONDS,), name="bedrock", daemon=True)
    thread.start()
    return Bedrock(f"http://{HOST}:{server.server_address[1]}", world, service, server, thread)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], service: Service, clock: Clock) -> None:
        super().__init__(address, _Handler)
        self.service = service
        self.clock = clock


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes responses; everything else is the service's."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "LocalBedrock"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._write(self.server.service.answer(self.command, self.path, self.headers.get("Authorization"), body))
        except ResponseLostError:
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 - http.server's own names

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header carries service time: clients reckon elapsed time from it."""
        del timestamp
        return format_datetime(self.server.clock.now(), usegmt=True)

    def log_message(self, *_arguments: object) -> None:
        """Silence: the request log is at /_local/requests."""
