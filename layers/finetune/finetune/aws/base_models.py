"""Base models as the service knows them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune.aws.translation import is_missing, translated
from finetune.domain.catalog import BaseModelRow, Method

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


def accepts_jobs(bedrock: BedrockClient, row: BaseModelRow, method: Method) -> bool:
    """Whether the service takes new jobs: it knows the base model, calls it ACTIVE and names the method for it."""
    with translated(f"asking for the lifecycle of {row.id}"):
        try:
            details = bedrock.get_foundation_model(modelIdentifier=row.id)["modelDetails"]
        except ClientError as error:
            if is_missing(error):
                return False
            raise
    active = details.get("modelLifecycle", {}).get("status") == "ACTIVE"
    return active and method in details.get("customizationsSupported", [])
