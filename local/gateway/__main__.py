"""`python -m local.gateway`: run the local cloud in one process on loopback until it gets the order to stop."""

import argparse
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from local.gateway import seams

LOOPBACK = "127.0.0.1"
ROOT_KEY = "test"
LEFTOVERS = ("outbox", "tmp", "logs/functions")
FOREIGN = ("AWS_", "MINISTACK_", "LAMBDA_", "SFN_", "S3_")


def main() -> int:
    """Start the gateway, print its endpoints as one JSON line, serve, leave no process behind."""
    options = _options()
    try:
        listener = socket.create_server((LOOPBACK, options.port), backlog=512)
    except OSError as error:
        print(f"The local cloud cannot listen on port {options.port}: {error.strerror}.", file=sys.stderr)
        return 1
    endpoint = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    _clear(options.state)
    _set_environment(options, endpoint)
    try:
        seams.require_all()
    except seams.SeamError as error:
        print(error, file=sys.stderr)
        return 1

    from local.gateway import server  # noqa: PLC0415  # ministack reads its environment when it is imported

    try:
        server.run(options, listener, endpoint)
    finally:
        shutil.rmtree(options.state / "tmp", ignore_errors=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the gateway (default: a free one)")
    parser.add_argument(
        "--bedrock-port", type=int, default=0, help="port of the Bedrock emulator (default: a free one)"
    )
    parser.add_argument("--state", type=Path, default=Path("build/local-cloud"), help="folder for mails, logs and code")
    parser.add_argument("--time-scale", type=float, default=1.0, help="service seconds per real second (default: 1)")
    parser.add_argument("--account", default="000000000000", help="account id")
    parser.add_argument("--region", default="us-east-1", help="region")
    parser.add_argument("--no-bedrock", action="store_true", help="run without the Bedrock emulator")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def _clear(state: Path) -> None:
    """Everything in the cloud lives in memory, so what an earlier run left in its folder is over."""
    for leftover in LEFTOVERS:
        shutil.rmtree(state / leftover, ignore_errors=True)
    state.mkdir(parents=True, exist_ok=True)


def _set_environment(options: argparse.Namespace, endpoint: str) -> None:
    scratch = (options.state / "tmp").resolve()
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ |= {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": options.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GATEWAY_PORT": endpoint.rpartition(":")[2],
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": options.account,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": options.region,
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
    }


if __name__ == "__main__":
    sys.exit(main())
