"""Open Endpoint: open the cheapest endpoint that can answer for the custom model."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import allowance, clients, endpoints, places, waiting
from finetune.contracts import OpenEndpointInput
from finetune.environment import WaitingEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = OpenEndpointInput.model_validate(event)

    leases = allowance.evaluation_leases(request.run, request.prepared)
    environment = WaitingEnvironment.read()
    taking = places.Taking.within(environment)
    with waiting.told(clients.s3(), clients.sns(), request.run, environment.TOPIC_ARN):
        if request.model.trained_by or request.run.evaluate:  # it trains nothing, so it took no place before
            places.take_all(taking, request.run, request.prepared)
        endpoint = endpoints.open_endpoint(
            clients.bedrock(),
            request.run,
            request.model,
            leases,
            stack=environment.STACK_NAME,
            limit=allowance.limit_name(request.run, request.prepared),
        )

    return endpoint.payload()
