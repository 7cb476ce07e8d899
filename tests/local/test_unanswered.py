"""What the local cloud does not know is refused, so that `finetune doctor` never calls it right."""

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("iam", "simulate_principal_policy", {"PolicySourceArn": "arn:aws:iam::000000000000:role/r"}),
        (
            "cloudwatch",
            "get_metric_statistics",
            {
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "StartTime": "2026-11-30T00:00:00Z",
                "EndTime": "2026-11-30T01:00:00Z",
                "Period": 900,
                "Statistics": ["Sum"],
            },
        ),
    ],
)
def test_what_is_not_known_is_refused(cloud: Cloud, service: str, operation: str, asked: dict[str, object]) -> None:
    more = {"ActionNames": ["s3:GetObject"]} if service == "iam" else {}
    with pytest.raises(ClientError, match="The local cloud does not know this"):
        getattr(cloud.client(service), operation)(**asked, **more)
