"""Addresses of AWS's console for what a run is made of."""

from __future__ import annotations

from urllib.parse import quote

_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}


def execution(arn: str) -> str:
    """The page of an execution."""
    base, region = _base(arn)
    return f"{base}/states/home?region={region}#/v2/executions/details/{quote(arn, safe='')}"


def s3_object(near: str, uri: str) -> str:
    """The page of an object, in the partition and Region of the ARN `near`."""
    base, region = _base(near)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return f"{base}/s3/object/{bucket}?region={region}&bucketType=general&prefix={quote(key, safe='')}"


def _base(arn: str) -> tuple[str, str]:
    _, partition, _, region, *_ = arn.split(":")
    return f"https://{region}.{_HOSTS.get(partition, _HOSTS['aws'])}", region
