"""Bedrock's REST protocol as botocore's service models describe it: routes, request parsing, responses and errors."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from local.bedrock.errors import ServiceError
from local.bedrock.validation import check, unreadable

SERVICES = ("bedrock", "bedrock-runtime")

# Errors that every operation may answer although the service models do not declare them.
_COMMON_ERRORS: Mapping[str, int] = {
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "MissingAuthenticationTokenException": 403,
    "InternalServerException": 500,
}

# What recorded answers have behind the name of an error.
_NAMESPACE = "http://internal.amazon.com/coral/com.amazon.bedrock/"

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True)
class Response:
    """What goes onto the wire; `error` names the exception for the request log."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    error: str | None = None


@dataclass(frozen=True)
class Route:
    """One operation and the shape of its address."""

    operation: OperationModel

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def method(self) -> str:
        return str(self.operation.http["method"])

    @cached_property
    def path(self) -> str:
        return str(self.operation.http["requestUri"]).partition("?")[0]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = _LABEL.split(self.path)
        regex = re.escape(parts[0])
        for label, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            regex += f"(?P<{label}>{'.+' if greedy else '[^/]+'})" + re.escape(literal)
        return re.compile(regex)


class Protocol:
    """Every operation of the two services, found by method and path."""

    def __init__(self) -> None:
        routes = [Route(model.operation_model(name)) for model in _service_models() for name in model.operation_names]
        self.operations: Mapping[str, OperationModel] = {route.name: route.operation for route in routes}
        # Literal addresses before those with labels, so that a label never swallows a word of another operation.
        self._routes = sorted(routes, key=lambda route: len(_LABEL.findall(route.path)))

    def route(self, method: str, path: str) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation at an undecoded path and its labels, None where there is none."""
        for route in self._routes:
            found = route.pattern.fullmatch(path) if route.method == method else None
            if found:
                return route.operation, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    def parse(self, operation: OperationModel, labels: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
        """The request's parameters, validated; a ValidationException tells what is wrong with them."""
        shape = operation.input_shape
        if shape is None:
            return {}
        parameters = _json_body(body)
        values = dict(parse_qsl(query, keep_blank_values=True))
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            source = {"uri": labels, "querystring": values}.get(str(location), {})
            key = member.serialization.get("name", name)
            if location and key in source:
                parameters[name] = _from_text(member, source[key], name)
        known = {member.serialization.get("name", name) for name, member in shape.members.items()}
        parameters |= {key: value for key, value in values.items() if key not in known}
        check(shape, parameters)
        return {name: value for name, value in parameters.items() if value is not None}


@cache
def _service_models() -> list[ServiceModel]:
    session = botocore.session.Session()
    return [session.get_service_model(service) for service in SERVICES]


def serialize(operation: OperationModel, result: Mapping[str, Any]) -> Response:
    """A successful response; a result that the service model does not describe is a defect and raises TypeError."""
    shape = operation.output_shape
    body = _rendered(shape, result, operation.name) if shape else {}
    return Response(int(operation.http.get("responseCode", 200)), json.dumps(body).encode(), {})


def error_response(operation: OperationModel | None, error: ServiceError) -> Response:
    """The response of an error, with the status that the operation declares for it."""
    declared = (
        {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in operation.error_shapes} if operation else {}
    )
    if error.code not in declared and error.code not in _COMMON_ERRORS:
        name = operation.name if operation else "this address"
        raise TypeError(f"{name} declares no {error.code}, the emulator must not answer it: {error.message}")
    status = declared.get(error.code) or _COMMON_ERRORS[error.code]
    body = json.dumps({"message": error.message}).encode()
    return Response(status, body, {"x-amzn-ErrorType": f"{error.code}:{_NAMESPACE}"}, error=error.code)


def _json_body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise unreadable("body", "valid JSON") from None
    if not isinstance(parsed, dict):
        raise unreadable("body", "a JSON object")
    return parsed


def _from_text(shape: Shape, text: str, name: str) -> Any:
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "boolean":
                return {"true": True, "false": False}[text]
            case "timestamp":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case _:
                return text
    except (ValueError, KeyError):
        raise unreadable(name, f"of type {shape.type_name}") from None


def _rendered(shape: Shape, value: Any, path: str) -> Any:
    if getattr(shape, "is_document_type", False):
        return value
    if isinstance(shape, StructureShape):
        given = {name: item for name, item in value.items() if item is not None}
        unknown = given.keys() - shape.members.keys()
        missing = set(shape.required_members) - given.keys()
        if unknown or missing:
            raise TypeError(f"{path}: unknown members {sorted(unknown)}, missing members {sorted(missing)}")
        return {name: _rendered(shape.members[name], item, f"{path}.{name}") for name, item in given.items()}
    if isinstance(shape, ListShape):
        return [_rendered(shape.member, item, path) for item in value]
    if isinstance(shape, MapShape):
        return {key: _rendered(shape.value, item, path) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return timestamp(value)
    return value


def timestamp(moment: datetime) -> str:
    """A moment as the services write it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
