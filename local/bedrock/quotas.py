"""Service Quotas of the account: the limits that the emulator enforces, under names as the service lists them."""

import json

from local.bedrock import deployments, throughput
from local.bedrock.protocol import Response

# The name of the first is not documented; the code is made up.
_QUOTAS = (
    ("L-00000001", "(Model customization) Custom model deployments per account", deployments, "MOST"),
    ("L-C02E1E99", "(Model customization) Custom model deployments in Creating", deployments, "MOST_CREATING"),
    ("L-BE77399C", "Model units no-commitment Provisioned Throughputs across custom models", throughput, "MOST_UNITS"),
)
ACTION = "servicequotas:ListServiceQuotas"


def answer() -> Response:
    """What ListServiceQuotas answers, on one page."""
    found = [
        {
            "ServiceCode": "bedrock",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": getattr(where, limit),
            "Adjustable": True,
        }
        for code, name, where, limit in _QUOTAS
    ]
    return Response(200, json.dumps({"Quotas": found}).encode(), {"Content-Type": "application/x-amz-json-1.1"})
