"""Ending what costs money: a run's jobs and endpoints by their names, and endpoints nobody owns by their tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from finetune.aws import customization, endpoints, publication, storage
from finetune.aws.customization import LEASE_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.aws.endpoints import Tagged
from finetune.aws.translation import code_of, translated
from finetune.contracts import Run
from finetune.domain.customization import lease_is_over
from finetune.errors import EndpointBusy

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient


def release_run(bedrock: BedrockClient, ssm: SSMClient, run: Run, *, stack: str) -> list[str]:
    """Stop a run's jobs and delete its endpoints, but nothing that is in service; what was stopped or deleted."""
    stopped = [candidate.name for candidate in run.candidates if customization.stop_job(bedrock, candidate.name)]
    opened = [
        each for each in endpoints.opened_by(bedrock, run) if not publication.in_service(ssm, stack, run.slug, each)
    ]
    return stopped + [each.arn for each in opened if endpoints.release(bedrock, each)]


def sweep(
    bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, stepfunctions: SFNClient, *, stack: str, bucket: str
) -> tuple[int, list[str]]:
    """Delete the stack's endpoints that are neither in service nor of a running execution.

    Returns how many were looked at and the ARNs that went.
    """
    mine = [each for each in endpoints.tagged(bedrock) if each.tags.get(STACK_TAG) == stack]
    ownerless = [
        each
        for each in mine
        if not publication.in_service(ssm, stack, each.tags.get(PROJECT_TAG, ""), each.endpoint)
        and (_lease_is_over(each) or not _is_running(s3, stepfunctions, each, bucket))
    ]
    return len(mine), [each.endpoint.arn for each in ownerless if _released(bedrock, each)]


def _lease_is_over(each: Tagged) -> bool:
    return lease_is_over(each.tags, lease_tag=LEASE_TAG, now=each.as_of)


def _released(bedrock: BedrockClient, each: Tagged) -> bool:
    try:
        return endpoints.release(bedrock, each.endpoint)
    except EndpointBusy:
        # It is Creating or Updating; the next sweep finds it again.
        return False


def _is_running(s3: S3Client, stepfunctions: SFNClient, each: Tagged, bucket: str) -> bool:
    claim = storage.read(s3, f"s3://{bucket}/runs/{each.tags.get(PROJECT_TAG)}/{each.tags.get(RUN_TAG)}/run.json")
    return claim is not None and is_running(stepfunctions, orjson.loads(claim)["execution_arn"])


def is_running(stepfunctions: SFNClient, execution_arn: str) -> bool:
    """Whether an execution is still going; one that Step Functions has forgotten is not."""
    with translated(f"looking at {execution_arn}"):
        try:
            return stepfunctions.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return False
            raise
