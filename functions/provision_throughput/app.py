"""Provision Throughput: find or open an endpoint of the kind that the settings name for service."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, serving
from finetune.contracts import ProvisionThroughputInput
from finetune.environment import Environment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ProvisionThroughputInput.model_validate(event)

    endpoint = serving.open_serving(
        clients.bedrock(), clients.ssm(), request.run, request.model, stack=Environment.read().STACK_NAME
    )

    return endpoint.payload()
