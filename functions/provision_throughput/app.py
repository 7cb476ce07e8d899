"""Provision Throughput: find or open an endpoint of the kind that the settings name for service."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, serving, waiting
from finetune.contracts import ProvisionThroughputInput
from finetune.environment import WaitingEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ProvisionThroughputInput.model_validate(event)

    environment = WaitingEnvironment.read()
    with waiting.told(clients.s3(), clients.sns(), request.run, environment.TOPIC_ARN):
        endpoint = serving.open_serving(
            clients.bedrock(),
            clients.ssm(),
            clients.s3(),
            request.run,
            request.model,
            stack=environment.STACK_NAME,
        )

    return endpoint.payload()
