"""How an endpoint is used, read from CloudWatch under whichever of its names Bedrock counts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from finetune.aws import usage
from finetune.aws.usage import Usage

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
COUNTED = {
    "Invocations": [2, 1],
    "InvocationClientErrors": [1],
    "InvocationThrottles": [4],
    "InputTokenCount": [30],
    "OutputTokenCount": [60, 30],
    "InvocationLatency": [100, 200, 600],
}


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="us-east-1")


def count(cloudwatch: Any, model_id: str, *, moment: datetime = NOW - timedelta(days=1), **more: str) -> None:
    dimensions = [{"Name": name, "Value": value} for name, value in {"ModelId": model_id, **more}.items()]
    for metric, values in COUNTED.items():
        for value in values:
            datum = {"MetricName": metric, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
            cloudwatch.put_metric_data(Namespace="AWS/Bedrock", MetricData=[datum])


@pytest.mark.parametrize("counted_as", ["arn:endpoint", "abcdefghijkl"])
def test_calls_errors_tokens_and_latency_are_summed_up_over_the_days(cloudwatch: Any, counted_as: str) -> None:
    count(cloudwatch, counted_as)
    found = usage.of_endpoints(cloudwatch, {"shop": ["arn:endpoint", "abcdefghijkl"]}, NOW)
    assert found == {
        "shop": Usage(invocations=3, client_errors=1, throttles=4, input_tokens=30, output_tokens=90, latency_ms=300.0)
    }
    assert found["shop"].answer_tokens == 30


def test_what_is_counted_under_two_names_is_counted_once(cloudwatch: Any) -> None:
    count(cloudwatch, "arn:endpoint")
    count(cloudwatch, "abcdefghijkl")
    count(cloudwatch, "arn:endpoint", ServiceTier="flex")
    found = usage.of_endpoints(cloudwatch, {"shop": ["arn:endpoint", "abcdefghijkl"]}, NOW)
    assert found["shop"].invocations == 3


def test_what_is_older_and_what_is_another_s_is_left_out(cloudwatch: Any) -> None:
    count(cloudwatch, "arn:endpoint", moment=NOW - timedelta(days=9))
    count(cloudwatch, "arn:other")
    found = usage.of_endpoints(cloudwatch, {"shop": ["arn:endpoint"], "zoo": ["arn:nobody"]}, NOW)
    assert found == {"shop": Usage()}
    assert found["shop"].answer_tokens is None
