"""The pages that runs write, at an address of this machine, because a browser cannot open s3://."""

import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

PAGES = ("report.html", "validation.html")
_PATH = re.compile(r"/([a-z0-9-]{1,80})/(\d{8}-\d{6}-[0-9a-f]{8})/(report|validation)\.html")
_RUN = re.compile(r"runs/([a-z0-9-]{1,80})/(\d{8}-\d{6}-[0-9a-f]{8})/(report|validation)\.html")
# A page runs no script of its own and asks nobody else for anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'"


@contextmanager
def served(s3: Any, bucket: str) -> Iterator[str]:
    """The address at which the pages of a bucket can be opened for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(s3, bucket))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def path_of(key: str) -> str | None:
    """The path of a page by the key under which a run wrote it; None for any other object."""
    found = _RUN.fullmatch(key)
    return f"/{found[1]}/{found[2]}/{found[3]}.html" if found else None


def _handler(s3: Any, bucket: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("Host", "")
            # A name that somebody else points at this machine must not read what runs wrote.
            if host.rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
                self._answer(HTTPStatus.FORBIDDEN, b"Open this page by the address of this machine.")
            elif self.path == "/":
                self._answer(HTTPStatus.OK, _index(s3, bucket))
            elif found := _PATH.fullmatch(self.path):
                self._page(f"runs/{found[1]}/{found[2]}/{found[3]}.html")
            else:
                self._answer(HTTPStatus.NOT_FOUND, b"There is no such page.")

        def _page(self, key: str) -> None:
            try:
                content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError:
                self._answer(HTTPStatus.NOT_FOUND, b"The run has not written this page.")
            else:
                self._answer(HTTPStatus.OK, content)

        def _answer(self, status: HTTPStatus, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """The terminal shows runs and not requests."""

    return Handler


def _index(s3: Any, bucket: str) -> bytes:
    """The pages of all runs, the newest run first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="runs/")
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", []))
    paths = sorted(filter(None, map(path_of, keys)), key=lambda path: path.split("/")[2:], reverse=True)
    items = "".join(f'<li><a href="{html.escape(path)}">{html.escape(path[1:])}</a></li>' for path in paths)
    listed = f"<ul>{items}</ul>" if items else "<p>No run has written a page yet.</p>"
    return f"<!doctype html><title>Runs</title><h1>Runs</h1>{listed}".encode()
