"""Base models as the service knows them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune.aws.translation import is_missing, translated
from finetune.domain.catalog import BaseModelRow

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


def is_active(bedrock: BedrockClient, row: BaseModelRow) -> bool:
    """Whether the service takes new jobs for a base model: it knows it and calls it ACTIVE."""
    with translated(f"asking for the lifecycle of {row.foundation_model_id}"):
        try:
            details = bedrock.get_foundation_model(modelIdentifier=row.foundation_model_id)["modelDetails"]
        except ClientError as error:
            if is_missing(error):
                return False
            raise
    return details.get("modelLifecycle", {}).get("status") == "ACTIVE"
