"""A stand-in for Bedrock's runtime that answers Converse after a latency and throttles above a rate, in a process."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Within 30 days."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 20, "outputTokens": 5, "totalTokens": 25},
    "metrics": {"latencyMs": 1000},
}


class Bucket:
    """Tokens that refill at `per_second`, up to one second's worth; a refused request takes none."""

    def __init__(self, per_second: float, capacity: float) -> None:
        self._per_second, self._capacity = per_second, capacity
        self._tokens, self._at, self._lock = capacity, time.monotonic(), threading.Lock()

    def take(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._per_second)
            self._at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    bucket: Bucket
    latency: float


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.bucket.take():
            time.sleep(self.server.latency)
            self._send(200, ANSWER)
        else:
            self._send(429, {"message": "Too many requests, please wait before trying again."}, "ThrottlingException")

    def _send(self, status: int, content: object, error: str | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Silence."""


def _serve(ready: Connection, per_second: float, latency: float, capacity: float) -> None:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.bucket, server.latency = Bucket(per_second, capacity), latency
    ready.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def throttled_runtime(per_second: float, latency: float, capacity: float) -> Iterator[str]:
    """The endpoint of a server that runs until the context ends; all figures are of real time."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, per_second, latency, capacity), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()
