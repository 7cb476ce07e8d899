"""The edge where AWS's errors become ours, so that a state can name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from finetune.errors import AccessRefused, EndpointBusy, FineTuneError, QuotaExceeded, ServiceBusy, ServiceRefused
from finetune.foreign import SERVICE_CHARACTERS, foreign

_ERRORS: dict[str, type[FineTuneError]] = {
    **dict.fromkeys(
        (
            "ThrottlingException",
            "Throttling",
            "TooManyRequestsException",
            "SlowDown",
            "InternalServerException",
            "InternalServerError",
            "InternalError",
            "InternalFailure",
            "ServiceUnavailableException",
            "ServiceUnavailable",
            "RequestTimeout",
            "ModelTimeoutException",
            "ConditionalRequestConflict",
            "KMSThrottlingException",
            "TooManyUpdates",
        ),
        ServiceBusy,
    ),
    **dict.fromkeys(
        ("ServiceQuotaExceededException", "LimitExceededException", "ExecutionLimitExceeded"), QuotaExceeded
    ),
    **dict.fromkeys(
        ("AccessDeniedException", "AccessDenied", "AuthorizationError", "KMSAccessDeniedException"), AccessRefused
    ),
    "ModelNotReadyException": EndpointBusy,
}


@contextmanager
def translated(doing: str, *, conflict: type[FineTuneError] = ServiceRefused) -> Iterator[None]:
    """Raise AWS's errors as ours, with AWS's words kept; `doing` says what was tried.

    `conflict` is the error for a ConflictException: a refusal, unless the caller knows that the conflict passes.
    """
    try:
        yield
    except ClientError as error:
        message = error.response["Error"].get("Message", "")
        kind = {**_ERRORS, "ConflictException": conflict}.get(code_of(error), ServiceRefused)
        if code_of(error) == "ValidationException" and "quota" in message.lower():
            kind = QuotaExceeded
        raise kind(f"While {foreign(doing)}: {code_of(error)}: {foreign(message, SERVICE_CHARACTERS)}") from error
    except BotoCoreError as error:
        raise ServiceBusy(f"While {foreign(doing)}: {foreign(error, SERVICE_CHARACTERS)}") from error


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: ClientError) -> bool:
    return code_of(error) in {"ResourceNotFoundException", "NoSuchKey", "NoSuchVersion", "404", "ParameterNotFound"}


def service_time(response: Any) -> datetime:
    """The service's own clock at the time of its answer, so that durations do not depend on ours."""
    stamp = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(stamp) if stamp else datetime.now(UTC)
