"""Errors in the service's own words: raised anywhere in the emulator, written to the wire in one place."""


class ServiceError(Exception):
    """An error that the client sees: `code` is the exception's name in the service model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def invalid(message: str) -> ServiceError:
    """The request cannot be accepted as it is."""
    return ServiceError("ValidationException", message)


def not_found(message: str) -> ServiceError:
    """The request names something that does not exist."""
    return ServiceError("ResourceNotFoundException", message)


def conflict(message: str) -> ServiceError:
    """The request contradicts the present state of a resource."""
    return ServiceError("ConflictException", message)


def throttled() -> ServiceError:
    """The request came too soon."""
    return ServiceError(
        "ThrottlingException",
        "Too many requests, please wait before trying again. You have sent too many requests. "
        "Wait before trying again.",
    )


def past_its_end(told: str = "") -> ServiceError:
    """The service's sentence about a base model that it has retired."""
    return not_found(f"This model version has reached the end of its life.{told}")


def denied(message: str) -> ServiceError:
    """The caller lacks a permission."""
    return ServiceError("AccessDeniedException", message)


def mutating() -> ServiceError:
    """The service's sentence about a deployment in Creating or Updating, as a live account answered in July 2026."""
    return invalid("Custom model deployment is in a mutating state")


def cannot_assume() -> ServiceError:
    """The service's sentence about a role that it cannot assume; a new role is not known everywhere for a while."""
    return invalid("Could not assume provided IAM role.")


def cannot_read(role: str, uri: str) -> ServiceError:
    """The service's sentence about a role that cannot read an input."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return invalid(
        f"Could not validate GetObject permissions to access Amazon S3 bucket: {bucket} at key {key} "
        f"with Amazon Bedrock service role: {role}."
    )
