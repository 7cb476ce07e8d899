"""The emulator refuses what botocore's service models refuse, member by member, and answers only what they describe."""

import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape

from local.bedrock.protocol import SERVICES, Protocol, Response
from local.bedrock.runtime import Runtime
from local.bedrock.service import table
from local.bedrock.validation import violations
from tests.emulator import Emulator, ManualClock, running_emulator
from tools import botocore_changes

PROTOCOL = Protocol()
OPERATIONS = sorted(table(Runtime()))
SUSPECTS = ("!", "no such thing!", "/ /", "é", "\n", "a" * 100)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running_emulator(ManualClock()) as running:
        yield running


def members(
    shape: Shape, path: tuple[str, ...] = (), seen: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Every member below a shape with its path; recursive shapes once."""
    if shape.name in seen or getattr(shape, "is_document_type", False):
        return
    seen = (*seen, shape.name)
    children: dict[str, Shape] = {}
    if isinstance(shape, StructureShape):
        children = dict(shape.members)
    elif isinstance(shape, ListShape):
        children = {"[]": shape.member}
    elif isinstance(shape, MapShape):
        children = {"{key}": shape.key, "{}": shape.value}
    for name, child in children.items():
        yield (*path, name), child
        yield from members(child, (*path, name), seen)


def breaking(shape: Shape) -> Iterator[tuple[str, Any]]:
    """One value for each constraint of a shape that breaks it, with the words that must answer it."""
    least, most, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    if isinstance(shape, StringShape) and shape.enum:
        yield "Member must satisfy enum value set", "NoSuchValue"
    if pattern:
        bad = next((one for one in SUSPECTS if not re.fullmatch(pattern, one)), None)
        if bad is not None:
            yield "Member must satisfy regular expression pattern", bad
    if most is not None:
        yield "less than or equal to", of_size(shape, int(most) + 1)
    if least is not None and least > 0:
        yield "greater than or equal to", of_size(shape, int(least) - 1)
    if not getattr(shape, "is_document_type", False):
        yield (
            "Member must be of type",
            "not base64" if shape.type_name == "blob" else "text" if shape.type_name != "string" else 7,
        )
    if shape.type_name in {"integer", "long"}:
        yield "Member must be of type", 1.5
        yield "Member must be of type", True


def of_size(shape: Shape, size: int) -> Any:
    """A value of a shape that is `size` long or large."""
    if isinstance(shape, ListShape):
        return [{} if isinstance(shape.member, StructureShape) else "x"] * size
    if isinstance(shape, MapShape):
        return {str(number): "x" for number in range(size)}
    if shape.type_name == "blob":
        return b64encode(bytes(size)).decode()
    return "a" * size if shape.type_name == "string" else size


def wrapped(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A request that holds `value` at a path and nothing else."""
    for name in reversed(path):
        match name:
            case "[]":
                value = [value]
            case "{}":
                value = {"key": value}
            case "{key}":
                value = {value: "x"}
            case _:
                value = {name: value}
    return dict(value)


def spoken(path: tuple[str, ...]) -> str:
    """The path as the service writes it."""
    return ".".join({"[]": "1.member", "{}": "key.value", "{key}": "key"}.get(name, name) for name in path)


@dataclass(frozen=True)
class Case:
    """A request that breaks one constraint, and what has to be said of which member."""

    path: tuple[str, ...]
    words: str
    request: dict[str, Any]


def cases(shape: StructureShape) -> Iterator[Case]:
    """Every way to break every constraint below the input of an operation."""
    in_address = {name for name, one in shape.members.items() if one.serialization.get("location") == "uri"}
    in_query = {name for name, one in shape.members.items() if one.serialization.get("location") == "querystring"}
    every: list[tuple[tuple[str, ...], Shape]] = [((), shape), *members(shape)]
    for path, member in every:
        for name in member.required_members if isinstance(member, StructureShape) else ():
            if (*path, name) not in {(each,) for each in in_address}:
                yield Case((*path, name), "Member must not be null", wrapped(path, {}))
        if getattr(member, "is_tagged_union", False):
            yield Case(path, "exactly one of its members", wrapped(path, {}))
        for words, value in breaking(member) if path else ():
            as_text = path[0] in in_address | in_query and (isinstance(member, StringShape) and value == 7)
            # An address holds nothing but texts that are not empty, and the key of an object is a text.
            if (
                as_text
                or (path[0] in in_address and value == "")
                or (path[-1] == "{key}" and not isinstance(value, str))
            ):
                continue
            yield Case(path, words, wrapped(path, value))


def answer_to(emulator: Emulator, operation: OperationModel, request: dict[str, Any]) -> Response:
    """What the emulator answers to a request that no client has checked."""
    body, query, address = dict(request), {}, operation.http["requestUri"].partition("?")[0]
    shape = operation.input_shape
    assert shape is not None
    for name, member in shape.members.items():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            address = re.sub(rf"\{{{key}\+?\}}", quote(str(body.pop(name, "x")), safe=""), address)
        elif location == "querystring" and name in body:
            query[key] = str(body.pop(name))
    target = f"{address}?{urlencode(query)}" if query else address
    signed = "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=x"
    sent = json.dumps(body).encode() if operation.http["method"] != "GET" else b""
    return emulator.service.answer(operation.http["method"], target, signed, sent)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_breaks_a_constraint_is_refused_in_the_services_words(
    operation: str, emulator: Emulator
) -> None:
    model = PROTOCOL.operations[operation]
    shape = model.input_shape
    assert shape is not None
    for case in cases(shape):
        answer = answer_to(emulator, model, case.request)
        assert (answer.status, answer.error) == (400, "ValidationException"), (case, answer)
        message = json.loads(answer.body)["message"]
        sentences = [one for one in message.split("; ") if f"at '{spoken(case.path)}' failed" in one]
        assert any(case.words in one for one in sentences), (case, message)


def test_every_kind_of_constraint_is_broken_many_times() -> None:
    shapes = [PROTOCOL.operations[name].input_shape for name in OPERATIONS]
    found = Counter(case.words for shape in shapes if shape for case in cases(shape))
    wanted = ("must not be null", "enum value set", "regular expression", "less than", "greater than", "of type")
    assert all(sum(count for words, count in found.items() if each in words) >= 20 for each in wanted), found


def test_the_emulator_serves_every_operation_of_bedrock_that_the_product_uses() -> None:
    loader = Loader()
    for service in SERVICES:
        used = botocore_changes.used(loader.load_service_model(service, "service-2"))
        assert used
        assert set(used) <= set(OPERATIONS)


def test_a_missing_member_an_unknown_member_and_a_wrong_type_are_refused_together(emulator: Emulator) -> None:
    unchecked = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    session = boto3.session.Session("test", "secret", region_name="us-east-1")
    client = session.client("bedrock", endpoint_url=emulator.endpoint, config=unchecked)
    with pytest.raises(ClientError) as refused:
        client.create_model_customization_job(jobName="job", hyperParameters={"epochCount": 2})  # type: ignore[call-arg, dict-item]
    message = refused.value.response["Error"]["Message"]
    client.close()
    assert re.match(r"\d+ validation errors detected: ", message)
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in message
    assert (
        "Value '2' at 'hyperParameters.epochCount.value' failed to satisfy constraint: Member must be of type"
        in message
    )


def test_sensitive_values_are_not_repeated_in_an_error() -> None:
    shape = PROTOCOL.operations["Converse"].input_shape
    assert shape is not None
    found = list(violations(shape.members["requestMetadata"], {str(n): "secret" for n in range(20)}, "requestMetadata"))
    assert found
    assert not any("secret" in sentence for sentence in found)


def test_every_address_of_both_services_leads_to_its_own_operation() -> None:
    for operation in PROTOCOL.operations.values():
        path = re.sub(r"\{\w+\+?\}", "some-label", operation.http["requestUri"].partition("?")[0])
        found = PROTOCOL.route(operation.http["method"], path)
        assert found is not None
        assert found[0].http == operation.http
    assert {operation.service_model.service_name for operation in PROTOCOL.operations.values()} == set(SERVICES)


def test_an_operation_that_is_not_served_says_so(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match=r"UnknownOperationException.*does not serve ListGuardrails"):
        emulator.control.list_guardrails()


def test_the_date_header_carries_service_time(emulator: Emulator) -> None:
    response = emulator.control.list_custom_models()
    assert response["ResponseMetadata"]["HTTPHeaders"]["date"] == "Sat, 21 Nov 2026 12:00:00 GMT"
