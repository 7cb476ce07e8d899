"""Check Endpoint: report whether the endpoint answers yet and when to check again."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, endpoints
from finetune.contracts import CheckEndpointInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = CheckEndpointInput.model_validate(event)

    return endpoints.check(clients.bedrock(), request.endpoint).payload()
