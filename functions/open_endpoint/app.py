"""Open Endpoint: open the cheapest endpoint that can answer for the custom model."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from finetune.aws import clients, endpoints
from finetune.contracts import OpenEndpointInput
from finetune.domain import catalog
from finetune.environment import Environment

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = OpenEndpointInput.model_validate(event)

    kind = catalog.base_model(request.run.settings.base_model).cheapest_endpoint
    endpoint = endpoints.open_endpoint(
        clients.bedrock(), request.run, request.model, kind, stack=Environment.read().STACK_NAME
    )

    return endpoint.payload()
