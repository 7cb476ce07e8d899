"""Base models as the service knows them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune.aws.translation import code_of, is_missing, translated
from finetune.domain.catalog import BaseModelRow, Method

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


def accepts_jobs(bedrock: BedrockClient, row: BaseModelRow, method: Method) -> bool:
    """Whether the service takes new jobs: it knows the base model, calls it ACTIVE and names the method for it.

    Where it names no method at all the catalog decides, by the base model's lifecycle and Regions.
    """
    with translated(f"asking for the lifecycle of {row.id}"):
        try:
            details = bedrock.get_foundation_model(modelIdentifier=row.id)["modelDetails"]
        except ClientError as error:
            # Most identifiers that mean nothing in a Region are a ValidationException.
            if is_missing(error) or code_of(error) == "ValidationException":
                return False
            raise
    active = details.get("modelLifecycle", {}).get("status") == "ACTIVE"
    if named := details.get("customizationsSupported"):
        return active and method in named
    return active and row.lifecycle.status == "active" and bedrock.meta.region_name in row.regions
