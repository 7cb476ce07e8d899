"""A typed client of the emulator's own interface: faults, ledger, catalog, request log."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.bedrock.authorization import ROOT_KEY
from local.bedrock.ledger import Ledger
from local.bedrock.service import RequestLine
from local.clock import Timeline

_AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={ROOT_KEY}/20260101/local/bedrock/aws4_request, SignedHeaders=host"
# A last resort: the emulator answers in milliseconds, and closes the connection when its process ends.
_TIMEOUT_SECONDS = 600


class AdminError(Exception):
    """The emulator refused; the message is its own sentence."""


class Admin:
    """Speaks to the emulator at an endpoint as root."""

    def __init__(self, endpoint: str) -> None:
        self._address = urlsplit(endpoint).netloc

    def inject(self, *specs: str) -> None:
        """Let the next matching events suffer faults: `fail-job`, `throttle-converse:3`, `deny-create-job:always`."""
        self._call("POST", "faults", {"inject": list(specs)})

    def clear_faults(self) -> None:
        """Forget the faults that were not suffered yet."""
        self._call("POST", "faults", {"clear": True})

    def pending_faults(self) -> list[str]:
        """The faults that were not suffered yet."""
        return list(self._call("GET", "faults")["pending"])

    def known_faults(self) -> dict[str, str]:
        """Every fault's name and what it does."""
        return dict(self._call("GET", "faults")["known"])

    def ledger(self) -> Ledger:
        """What exists, what is open and what it would have cost."""
        return Ledger.model_validate(self._call("GET", "ledger"))

    def activate(self, *model_ids: str) -> None:
        """Let the service call these base models active, retired or not."""
        self._call("POST", "catalog", {"activate": list(model_ids)})

    def retire(self, *model_ids: str) -> None:
        """Take back that the service calls these base models active; the catalog has the say again."""
        self._call("POST", "catalog", {"retire": list(model_ids)})

    def offer_everywhere(self, everywhere: bool = True) -> None:
        """Let every region offer every base model, or only those of the catalog."""
        self._call("POST", "catalog", {"regions": "any" if everywhere else "catalog"})

    def requests(self) -> list[RequestLine]:
        """The latest requests, oldest first."""
        return [RequestLine.model_validate(line) for line in self._call("GET", "requests")["requests"]]

    def timeline(self) -> Timeline:
        """How service time has run until now."""
        return Timeline.model_validate(self._call("GET", "clock"))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Somebody outside of the cloud works, so that bounds in service time allow for the real time it takes."""
        number = self._call("POST", "clock", {"begin": True})["work"]
        try:
            yield
        finally:
            self._call("POST", "clock", {"end": number})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = HTTPConnection(self._address, timeout=_TIMEOUT_SECONDS)
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, f"/_local/{path}", text, {"Authorization": _AUTHORIZATION})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise AdminError(answer["message"])
        return answer
