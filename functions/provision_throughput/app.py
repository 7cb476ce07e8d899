"""Provision Throughput: open one model unit without commitment for the model that won."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from finetune.aws import clients, endpoints
from finetune.contracts import ProvisionThroughputInput
from finetune.environment import Environment

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ProvisionThroughputInput.model_validate(event)

    endpoint = endpoints.open_endpoint(
        clients.bedrock(), request.run, request.model, "provisioned", stack=Environment.read().STACK_NAME
    )

    return endpoint.payload()
