"""What botocore has made of calls and their answers, so that it need not make the same of the same ones again.

A call goes through the whole of botocore when it is made for the first time in a process, and so does an answer that
was not given to it before, and all that is retried or that the network breaks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.response import StreamingBody
from botocore.retries.quota import RetryQuota

from tests.simulation.wire import Answer, operation_model, response


def attempt_cheaply(client: Any) -> None:
    """Let each attempt of a call send what the first one sent, and make addresses and parsers once."""
    endpoint, rules = client._endpoint, client._ruleset_resolver
    create, construct = endpoint.create_request, rules.construct_endpoint
    addresses: dict[Hashable, Any] = {}

    def create_request(params: dict[str, Any], operation_model: OperationModel) -> AWSPreparedRequest:
        found: AWSPreparedRequest = params["context"].get("request") or create(params, operation_model)
        params["context"]["request"] = found
        return found

    def construct_endpoint(operation_model: OperationModel, call_args: dict[str, Any], request_context: Any) -> Any:
        key = operation_model.name, call_args.get("Bucket")  # all that the rules of these services look at
        if key not in addresses:
            addresses[key] = construct(operation_model, call_args, request_context)
        return addresses[key]

    endpoint.create_request = create_request
    rules.construct_endpoint = construct_endpoint
    factory = endpoint._response_parser_factory
    factory.create_parser = cache(factory.create_parser)
    # How long an attempt lasts is told in a header, which nobody reads.
    endpoint._set_ttl = lambda *_: None


@dataclass
class _Known:
    """What botocore sends for some parameters, and what it made of each answer: a result, or an error to raise."""

    request: Any
    made: dict[Hashable, Any] = field(default_factory=dict)


@dataclass
class Memory:
    """The calls of one client: `call` makes them, `ask` answers a request, `quota` is what retries may use."""

    service: str
    call: Callable[[str, Mapping[str, Any]], Any]
    ask: Callable[[str, Any], Answer]
    quota: RetryQuota
    _known: dict[Hashable, _Known] = field(default_factory=dict)
    # What botocore's next request gets, because it was asked for already.
    _asked: list[Answer | Exception] = field(default_factory=list)
    _last: tuple[Any, Answer] | None = None

    def __call__(self, operation: str, params: Mapping[str, Any]) -> Any:
        """What the client makes of one call."""
        if (key := self._key(operation, params)) is None:
            return self.call(operation, params)
        if known := self._known.get(key):
            try:
                answer = self.ask(f"before-send.{self.service}.{operation}", known.request)
            except Exception as error:  # noqa: BLE001 - botocore gets it
                self._asked.append(error)
            else:
                if (made := known.made.get(_content(answer))) is not None:
                    return self._again(made, answer)
                self._asked.append(answer)
        try:
            made = self.call(operation, params)
        except ClientError as error:
            self._keep(key, error, error.response["ResponseMetadata"])
            raise
        self._keep(key, made, made["ResponseMetadata"])
        return made

    def before_send(self, request: Any, event_name: str, **_: object) -> Any:
        """The response to a request of botocore."""
        sent = _lasting(request)
        answer = self._asked.pop() if self._asked else self.ask(event_name, sent)
        if isinstance(answer, Exception):
            raise answer
        self._last = sent, answer
        return response(request.url, answer)

    def _key(self, operation: str, params: Mapping[str, Any]) -> Hashable | None:
        """What tells a call from others; None where botocore adds a token of its own or reads a stream."""
        if not params.keys() >= _tokens(self.service, operation):
            return None
        try:
            return operation, orjson.dumps(params, _bytes, orjson.OPT_SORT_KEYS)
        except TypeError:
            return None

    def _keep(self, key: Hashable, made: Any, how: Mapping[str, Any]) -> None:
        """Remember what was made of the answer to a first attempt, during which nobody else could ask."""
        if how["RetryAttempts"] or "RetryQuotaReached" in how:
            return
        assert self._last
        request, answer = self._last
        self._known.setdefault(key, _Known(request)).made[_content(answer)] = _copied(made, answer)

    def _again(self, made: Any, answer: Answer) -> Any:
        """The same for an answer that came at another time."""
        found = _copied(made, answer)
        if isinstance(found, ClientError):
            raise found
        self.quota.release(1)  # as botocore does after a first attempt that worked
        return found


@cache
def _tokens(service: str, operation: str) -> frozenset[str]:
    return frozenset(operation_model(service, operation).idempotent_members)


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError


def _lasting(request: AWSPreparedRequest) -> AWSPreparedRequest:
    """A request whose body can be read again; botocore keeps the stream and winds it back for a retry."""
    body: Any = request.body
    if not hasattr(body, "read"):
        return request
    return AWSPreparedRequest(request.method, request.url, request.headers, body.read(), request.stream_output)


def _content(answer: Answer) -> Hashable:
    """What tells an answer from others, whenever it is given."""
    return answer.status, answer.body, tuple(item for item in answer.headers.items() if item[0] != "Date")


def _copied(made: Any, answer: Answer) -> Any:
    """Everything anew that whoever gets it may change, with the date and the body of this answer."""
    if isinstance(made, ClientError):
        return type(made)(_copied(made.response, answer), made.operation_name)
    found = _containers(made)
    headers = found["ResponseMetadata"]["HTTPHeaders"]
    headers["date"] = answer.headers["Date"]
    for name, value in found.items():
        if isinstance(value, StreamingBody):
            found[name] = StreamingBody(io.BytesIO(answer.body), headers.get("content-length"))
    return found


def _containers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _containers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_containers(each) for each in value]
    return value
