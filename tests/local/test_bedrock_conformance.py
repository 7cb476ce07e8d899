"""The emulator refuses what botocore's service models refuse, member by member, and answers only what they describe."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from local.bedrock.protocol import SERVICES, Protocol
from local.bedrock.runtime import Runtime
from local.bedrock.service import table
from local.bedrock.validation import violations
from tests.emulator import Emulator, ManualClock, running_emulator

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
        children = {"{}": shape.value}
    for name, child in children.items():
        yield (*path, name), child
        yield from members(child, (*path, name), seen)


def breaking(shape: Shape) -> Iterator[tuple[str, Any]]:
    """One value for each constraint of a shape that breaks it, with the words that must answer it."""
    most, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    if isinstance(shape, StringShape) and shape.enum:
        yield "Member must satisfy enum value set", "NoSuchValue"
    if pattern:
        bad = next((one for one in SUSPECTS if not re.fullmatch(pattern, one)), None)
        if bad is not None:
            yield "Member must satisfy regular expression pattern", bad
    if most is not None:
        yield "less than or equal to", too_much(shape, int(most) + 1)


def too_much(shape: Shape, size: int) -> Any:
    """A value of a shape that is `size` long or large."""
    if isinstance(shape, ListShape):
        return [{} if isinstance(shape.member, StructureShape) else "x"] * size
    if isinstance(shape, MapShape):
        return {str(number): "x" for number in range(size)}
    return "a" * size if shape.type_name == "string" else size


def wrapped(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A request that holds `value` at a path and nothing else."""
    for name in reversed(path):
        value = [value] if name == "[]" else {"key": value} if name == "{}" else {name: value}
    return dict(value)


def spoken(path: tuple[str, ...]) -> str:
    """The path as the service writes it."""
    return ".".join({"[]": "1.member", "{}": "key.value"}.get(name, name) for name in path)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_breaks_a_constraint_is_refused_in_the_services_words(
    operation: str, emulator: Emulator
) -> None:
    model = PROTOCOL.operations[operation]
    service = model.service_model.service_name
    unchecked = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    session = boto3.session.Session("test", "secret", region_name="us-east-1")
    client = session.client(service, endpoint_url=emulator.endpoint, config=unchecked)  # type: ignore[call-overload]
    shape = model.input_shape
    assert shape is not None
    labels = {name: "x" for name, one in shape.members.items() if one.serialization.get("location") == "uri"}
    call = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
    for path, member in members(shape):
        for words, value in breaking(member):
            with pytest.raises(ClientError) as refused:
                call(**{**labels, **wrapped(path, value)})
            error = refused.value.response["Error"]
            assert error["Code"] == "ValidationException", (path, value)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            sentences = [one for one in error["Message"].split("; ") if f"at '{spoken(path)}' failed" in one]
            assert any(words in one for one in sentences), (path, error["Message"])
    client.close()


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
