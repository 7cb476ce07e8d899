"""Open Endpoint: open the cheapest endpoint that can answer for the custom model."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import allowance, clients, endpoints, waiting
from finetune.contracts import OpenEndpointInput
from finetune.environment import WaitingEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = OpenEndpointInput.model_validate(event)

    leases = allowance.evaluation_leases(request.run, request.prepared)
    environment = WaitingEnvironment.read()
    with waiting.told(clients.s3(), clients.sns(), request.run, environment.TOPIC_ARN):
        endpoint = endpoints.open_endpoint(
            clients.bedrock(), request.run, request.model, leases, stack=environment.STACK_NAME
        )

    return endpoint.payload()
