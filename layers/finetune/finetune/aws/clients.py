"""One cached client per service, made at first use and never at import."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from finetune.environment import NotifyEnvironment

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

_CONTROL = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=30)
# A Publish that is repeated is a second mail.
_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
# IAM answers a few simulations a second and refuses the rest.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10}, connect_timeout=5, read_timeout=30)
# Answers take seconds, and throttling is handled item by item where the answer is missed.
_INFERENCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=120)


@cache
def s3() -> S3Client:
    return boto3.client("s3", config=_CONTROL)


@cache
def bedrock() -> BedrockClient:
    return boto3.client("bedrock", config=_CONTROL)


@cache
def bedrock_runtime() -> BedrockRuntimeClient:
    return boto3.client("bedrock-runtime", config=_INFERENCE)


@cache
def sns() -> SNSClient:
    return boto3.client("sns", config=_ONCE)


@cache
def ssm() -> SSMClient:
    return boto3.client("ssm", config=_CONTROL)


@cache
def service_quotas() -> ServiceQuotasClient:
    return boto3.client("service-quotas", config=_CONTROL)


@cache
def pricing() -> PricingClient:
    # The price list has no endpoint in the Regions of most stacks.
    return boto3.client("pricing", region_name="us-east-1", config=_CONTROL)


@cache
def cloudformation() -> CloudFormationClient:
    return boto3.client("cloudformation", config=_CONTROL)


@cache
def functions() -> LambdaClient:
    return boto3.client("lambda", config=_CONTROL)


@cache
def identity() -> STSClient:
    return boto3.client("sts", config=_CONTROL)


@cache
def cloudwatch() -> CloudWatchClient:
    return boto3.client("cloudwatch", config=_CONTROL)


@cache
def events() -> EventBridgeClient:
    return boto3.client("events", config=_CONTROL)


@cache
def iam() -> IAMClient:
    return boto3.client("iam", config=_PATIENT)


@cache
def kms() -> KMSClient:
    return boto3.client("kms", config=_CONTROL)


@cache
def sqs() -> SQSClient:
    return boto3.client("sqs", config=_CONTROL)


@cache
def logs() -> Any:
    return boto3.client("logs", config=_CONTROL)


@cache
def stepfunctions() -> SFNClient:
    return boto3.client("stepfunctions", config=_CONTROL)


@dataclass(frozen=True, slots=True)
class Acting:
    """What is acted through by whatever looks at an execution, tells of it and asks about it."""

    bedrock: BedrockClient
    ssm: SSMClient
    s3: S3Client
    sns: SNSClient
    stepfunctions: SFNClient
    environment: NotifyEnvironment

    @classmethod
    def within(cls, environment: NotifyEnvironment) -> Self:
        """One that acts through the clients of this process."""
        return cls(
            bedrock=bedrock(),
            ssm=ssm(),
            s3=s3(),
            sns=sns(),
            stepfunctions=stepfunctions(),
            environment=environment,
        )
