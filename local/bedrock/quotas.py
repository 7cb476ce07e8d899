"""Service Quotas of the account: the limits that the emulator enforces, under names as the service lists them."""

import json

from local.bedrock import customization, deployments, throughput
from local.bedrock.authorization import authorize
from local.bedrock.errors import ServiceError
from local.bedrock.policy import Question
from local.bedrock.protocol import Response
from local.bedrock.world import Policies

# The names of the first and the last are not documented; their codes are made up.
_QUOTAS = (
    ("L-00000001", "(Model customization) Custom model deployments per account", deployments, "MOST"),
    ("L-C02E1E99", "(Model customization) Custom model deployments in Creating", deployments, "MOST_CREATING"),
    ("L-BE77399C", "Model units no-commitment Provisioned Throughputs across custom models", throughput, "MOST_UNITS"),
    ("L-0406044C", "(Model customization) Scheduled customization jobs", customization, "MOST_RUNNING_JOBS"),
    ("L-00000002", "(Model customization) Custom models per account", customization, "MOST_MODELS"),
)
_TYPE = {"Content-Type": "application/x-amz-json-1.1"}


def answer(policies: Policies, caller: str) -> Response:
    """What ListServiceQuotas answers, on one page."""
    try:
        authorize(policies, caller, [Question("servicequotas:ListServiceQuotas", "*", {})])
    except ServiceError as error:
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return Response(400, body, _TYPE, error=error.code)
    found = [
        {"ServiceCode": "bedrock", "QuotaCode": code, "QuotaName": name, "Value": getattr(where, limit)}
        for code, name, where, limit in _QUOTAS
    ]
    return Response(200, json.dumps({"Quotas": found}).encode(), _TYPE)
