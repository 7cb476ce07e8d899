"""The account of the integration tests, for attacks on it."""

from tests.integration.conftest import s3, stack

__all__ = ["s3", "stack"]
