"""AWS's errors become ours by name, with the service's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from finetune.aws.translation import code_of, is_missing, service_time, translated
from finetune.errors import AccessRefused, EndpointBusy, FineTuneError, QuotaExceeded, ServiceBusy, ServiceRefused


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "The service's words."}}, "Operation")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ServiceBusy),
        ("SlowDown", ServiceBusy),
        ("InternalServerException", ServiceBusy),
        ("ServiceUnavailable", ServiceBusy),
        ("RequestTimeout", ServiceBusy),
        ("ServiceQuotaExceededException", QuotaExceeded),
        ("LimitExceededException", QuotaExceeded),
        ("ExecutionLimitExceeded", QuotaExceeded),
        ("AccessDeniedException", AccessRefused),
        ("AccessDenied", AccessRefused),
        ("ModelNotReadyException", EndpointBusy),
        ("ConflictException", ServiceRefused),
        ("ValidationException", ServiceRefused),
        ("AnythingNew", ServiceRefused),
        ("", ServiceRefused),
    ],
)
def test_a_code_has_one_name_and_keeps_what_was_done_and_what_the_service_said(
    code: str, error: type[FineTuneError]
) -> None:
    with pytest.raises(FineTuneError) as raised, translated("reading a thing"):
        raise refusal(code)
    assert type(raised.value) is error
    assert str(raised.value) == f"While reading a thing: {code}: The service's words."
    assert isinstance(raised.value.__cause__, ClientError)


def test_a_conflict_means_what_the_caller_knows_it_to_mean() -> None:
    with pytest.raises(EndpointBusy), translated("deleting a thing", conflict=EndpointBusy):
        raise refusal("ConflictException")


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError])
def test_a_service_that_cannot_be_reached_is_busy(error: Any) -> None:
    with pytest.raises(ServiceBusy, match=r"While reading a thing: .*here"), translated("reading a thing"):
        raise error(endpoint_url="https://here")


def test_an_error_of_ours_and_a_mistake_pass_through() -> None:
    for error in (QuotaExceeded("none left"), KeyError("name")):
        with pytest.raises(type(error)) as raised, translated("reading a thing"):
            raise error
        assert raised.value is error


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "NoSuchKey", "NoSuchVersion", "404", "ParameterNotFound"]
)
def test_each_service_has_its_own_word_for_what_is_not_there(code: str) -> None:
    assert is_missing(refusal(code))
    assert not is_missing(refusal("AccessDenied"))


def test_an_error_without_a_code_has_an_empty_one() -> None:
    assert code_of(ClientError({}, "Operation")) == ""


def test_the_time_is_that_of_the_service_where_it_says_one() -> None:
    said = {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 21 Nov 2026 12:00:00 GMT"}}}
    assert service_time(said) == datetime(2026, 11, 21, 12, tzinfo=UTC)
    before = datetime.now(UTC)
    assert before <= service_time({"ResponseMetadata": {"HTTPHeaders": {}}}) <= datetime.now(UTC)
