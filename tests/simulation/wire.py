"""What goes over the wire in this process: answers of services, and their errors in each protocol's form."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.model import OperationModel, ServiceModel

# The service in the name of botocore's event -> the service in its data.
MODELS = {"s3": "s3", "ssm": "ssm", "sns": "sns", "sfn": "stepfunctions"} | dict.fromkeys(("bedrock",), "bedrock")
MODELS |= {"bedrock-runtime": "bedrock-runtime", "service-quotas": "service-quotas", "pricing": "pricing"}


@dataclass(frozen=True)
class Answer:
    """A response before it has an address."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A service's error, by its code."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.fields = code, message, status, fields


class _Body(io.BytesIO):
    """A response's body as botocore reads it from a connection."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


@cache
def model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(MODELS[service])


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    return model(service).operation_model(operation)


@cache
def declared(service: str, operation: str) -> Mapping[str, int]:
    """The errors that an operation declares, with their HTTP status."""
    shapes = operation_model(service, operation).error_shapes
    return {_code(shape): shape.metadata.get("error", {}).get("httpStatusCode", 400) for shape in shapes}


def _code(shape: Any) -> str:
    return str(shape.metadata.get("error", {}).get("code", shape.name))


def refusal(service: str, operation: str, error: Refused) -> Answer:
    """An error as the service's protocol writes it."""
    status = declared(service, operation).get(error.code, error.status)
    match model(service).protocol:
        case "rest-json":
            return Answer(status, json.dumps({"message": error.message}).encode(), {"x-amzn-ErrorType": error.code})
        case "json":
            return Answer(status, json.dumps({"__type": error.code, "message": error.message}).encode())
        case "query":
            inside = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
            return Answer(status, f"<ErrorResponse>{inside}<RequestId>r</RequestId></ErrorResponse>".encode())
        case _:
            if operation.startswith("Head"):
                return Answer(status)
            told = {"Code": error.code, "Message": error.message, **error.fields}
            inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
            return Answer(status, f"<Error>{inside}</Error>".encode())


def response(url: str, answer: Answer) -> AWSResponse:
    """What botocore takes from a handler of `before-send`."""
    headers: Any = answer.headers
    return AWSResponse(url, answer.status, headers, _Body(answer.body))
