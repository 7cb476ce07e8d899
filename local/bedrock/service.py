"""One request from its first byte to its answer: route, parse, faults, permission, work, log."""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from botocore.model import OperationModel
from pydantic import BaseModel

from local.bedrock import authorization, customization, deployments, foundation, price_list, quotas, tags, throughput
from local.bedrock.control import Control
from local.bedrock.errors import ServiceError, conflict, throttled
from local.bedrock.permissions import questions
from local.bedrock.protocol import Protocol, Response, error_response, serialize, timestamp
from local.bedrock.runtime import Runtime
from local.bedrock.world import Operation, Params, Result, World

log = logging.getLogger(__name__)

LOGGED_REQUESTS = 10_000
_REFUSALS: Mapping[str, ServiceError] = {
    "throttle": throttled(),
    "internal-error": ServiceError("InternalServerException", "An internal server error occurred. Retry your request."),
    "conflict": conflict("The resource is being changed by another request. Try again."),
}


class RequestLine(BaseModel):
    """One line of the request log; no bodies. `model` is what Converse or a throughput was asked for."""

    at: str
    operation: str
    caller: str
    status: int
    error: str | None = None
    model: str | None = None


class ResponseLostError(Exception):
    """The work is done and the client shall not hear of it."""


@dataclass
class _Call:
    operation: OperationModel | None = None
    caller: str = "unknown"
    model: str | None = None


def table(runtime: Runtime) -> dict[str, Operation]:
    """Every operation that the emulator serves."""
    return {
        **customization.OPERATIONS,
        **deployments.OPERATIONS,
        **throughput.OPERATIONS,
        **tags.OPERATIONS,
        **foundation.OPERATIONS,
        **runtime.operations,
    }


def declared_errors(protocol: Protocol, runtime: Runtime) -> dict[str, frozenset[str]]:
    """The operations served and the errors that each declares."""
    return {name: frozenset(shape.name for shape in protocol.operations[name].error_shapes) for name in table(runtime)}


class Service:
    """Answers the requests of one world."""

    def __init__(self, world: World, protocol: Protocol, runtime: Runtime, registry: authorization.Registry) -> None:
        self._world = world
        self._protocol = protocol
        self._operations = table(runtime)
        self._registry = registry
        self._log: deque[tuple[datetime, _Call, int, str | None]] = deque(maxlen=LOGGED_REQUESTS)
        self._log_lock = threading.Lock()
        self._control = Control(world, self.requests)

    def requests(self) -> list[RequestLine]:
        """The latest requests, oldest first."""
        with self._log_lock:
            noted = list(self._log)
        return [_line(*each) for each in noted]

    def answer(self, method: str, target: str, authorization_header: str | None, body: bytes) -> Response:
        """The response to one request; ResponseLostError when a fault wants the connection dropped."""
        address = urlsplit(target)
        call = _Call()
        try:
            call.caller = authorization.caller(authorization_header, self._registry.role_of)
            if address.path.startswith("/_local/"):
                return self._control.answer(method, address.path, call.caller, body)
            if address.path == "/":  # where APIs without paths are asked
                if authorization.service_asked(authorization_header) == "pricing":
                    return price_list.answer(self._world.policies, call.caller, body)
                return quotas.answer(self._world.policies, call.caller)
            response = self._serve(call, method, address.path, address.query, body)
        except ServiceError as error:
            response = error_response(call.operation, error)
        except ResponseLostError:
            self._note(call, 0, "ResponseLost")
            raise
        except Exception:
            log.exception("%s %s met a defect of the emulator", method, address.path)
            defect = ServiceError("InternalServerException", "The Bedrock emulator has a defect, see its log.")
            response = error_response(call.operation, defect)
        self._note(call, response.status, response.error)
        return response

    def _serve(self, call: _Call, method: str, path: str, query: str, body: bytes) -> Response:
        route = self._protocol.route(method, path)
        if route is None or route[0].name not in self._operations:
            name = route[0].name if route else f"{method} {path}"
            raise ServiceError("UnknownOperationException", f"The Bedrock emulator does not serve {name}.")
        operation, labels = route
        call.operation = operation
        params = self._protocol.parse(operation, labels, query, body)
        call.model = params.get("modelId")
        self._refuse(call, operation.name, params)
        result = self._work(operation.name, params)
        if self._world.faults.refuses("lose-response", operation.name):
            raise ResponseLostError
        return serialize(operation, result)

    def _refuse(self, call: _Call, operation: str, params: Params) -> None:
        """Raise what a fault or a missing permission answers instead of the work."""
        for prefix, error in _REFUSALS.items():
            if self._world.faults.refuses(prefix, operation):
                raise ServiceError(error.code, error.message)
        if self._world.faults.refuses("quota", operation):
            raise self._world.over_quota("The request exceeds a service quota of your account.")
        with self._world.lock:
            asked = questions(self._world, operation, params)
        if self._world.faults.refuses("deny", operation):
            anyone = f"arn:aws:iam::{self._world.account}:role/caller"
            raise authorization.refusal(
                anyone if call.caller == authorization.ROOT else call.caller, asked[0], "implicitDeny"
            )
        authorization.authorize(self._world.policies, call.caller, asked)

    def _work(self, operation: str, params: Params) -> Result:
        if operation == "Converse":  # takes its time, and takes the lock only for moments
            return self._operations[operation](self._world, params)
        with self._world.lock:
            return self._operations[operation](self._world, params)

    def _note(self, call: _Call, status: int, error: str | None) -> None:
        with self._log_lock:
            self._log.append((self._world.now(), call, status, error))


def _line(at: datetime, call: _Call, status: int, error: str | None) -> RequestLine:
    return RequestLine(
        at=timestamp(at),
        operation=call.operation.name if call.operation else "unknown",
        caller=call.caller,
        status=status,
        error=error,
        model=call.model,
    )
