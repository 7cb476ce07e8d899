"""The gateway's one HTTP server: ministack with the modules of this package, served until it is stopped.

Imported only when the environment that ministack reads is set.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

from local.clock import Clock
from local.gateway import events, interpreter, keys, seams, unanswered
from local.gateway.credentials import CredentialRegistry
from local.gateway.functions import Endpoints, Functions
from local.gateway.mail import Outbox
from local.gateway.state_machines import StateMachines

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2


def run(options: argparse.Namespace, listener: socket.socket, endpoint: str) -> None:
    """Start the cloud, print its address, and serve it until it is stopped."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("moto").setLevel(logging.CRITICAL)  # it reports every state that fails as an error of its own
    clock, registry = Clock(options.time_scale), CredentialRegistry()
    bedrock = None if options.no_bedrock else _start_bedrock(options, clock, registry, endpoint)
    functions = assemble(options.state, clock, Endpoints(endpoint, bedrock), registry)
    print(json.dumps({"endpoint": endpoint, "bedrock_endpoint": bedrock}), flush=True)
    try:
        asyncio.run(_serve(listener, functions, clock, stop_with_stdin=options.stop_with_stdin))
    finally:
        functions.close()


def assemble(state: Path, clock: Clock, endpoints: Endpoints, registry: CredentialRegistry) -> Functions:
    """Replace ministack's rooms by those of this package."""
    # A request on loopback stands for one over TLS, so that a bucket policy may refuse plain HTTP.
    seams.REQUEST_ORIGIN.wrap(lambda pin: lambda source_ip, _secure: pin(source_ip, True))
    seams.CONDITION_KEY.wrap(_with_the_role)
    interpreter.install(clock, endpoints.gateway, registry)
    events.install(clock)
    unanswered.install()
    keys.install()
    StateMachines(clock).install()
    Outbox(state / "outbox", clock).install()
    functions = Functions(state, clock, endpoints, registry)
    functions.install()
    return functions


def _with_the_role(found: Any) -> Any:
    """Condition keys of which `aws:PrincipalArn` is the role, as on AWS, and not its session."""

    def resolve(key: str, context: Any) -> Any:
        value = found(key, context)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
            return value
        session = value.split(":")
        return f"arn:{session[1]}:iam::{session[4]}:role/{session[5].split('/')[1]}"

    return resolve


def _start_bedrock(options: argparse.Namespace, clock: Clock, registry: CredentialRegistry, endpoint: str) -> str:
    from local.bedrock import server as bedrock  # noqa: PLC0415  # not needed with --no-bedrock

    emulator = bedrock.start(
        port=options.bedrock_port,
        clock=clock,
        registry=registry,
        gateway_endpoint=endpoint,
        region=options.region,
        account=options.account,
    )
    return emulator.endpoint


def _dated(clock: Clock) -> Any:
    """The application, whose Step Functions answers with service time, as its executions begin and end by it."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        target = dict(scope.get("headers", ())).get(b"x-amz-target", b"")
        if not target.startswith(b"AWSStepFunctions."):
            await app(scope, receive, send)
            return

        async def dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(clock.now(), usegmt=True).encode()
                others = [header for header in message.get("headers", ()) if header[0].lower() != b"date"]
                message = {**message, "headers": [*others, (b"date", date)]}
            await send(message)

        await app(scope, receive, dated)

    return answer


async def _serve(listener: socket.socket, functions: Functions, clock: Clock, *, stop_with_stdin: bool) -> None:
    """Answer requests on `listener` until SIGTERM, SIGINT or, when asked to, the end of standard input."""
    stop = asyncio.Event()

    async def stopped() -> None:
        await stop.wait()
        functions.close()  # the server waits for its requests, an invocation among them for its function

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = SHUTDOWN_SECONDS
    config.shutdown_timeout = SHUTDOWN_SECONDS
    config.loglevel = "WARNING"
    config.include_date_header = False
    await serve(_dated(clock), config, shutdown_trigger=stopped)


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)
