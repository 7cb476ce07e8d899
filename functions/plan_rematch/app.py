"""Plan Rematch: put the model that is in service now into the plan, so that the custom model is compared with it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, datasets, runs, serving
from finetune.contracts import PlanRematchInput
from finetune.environment import Environment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = PlanRematchInput.model_validate(event)

    stack = Environment.read().STACK_NAME
    champion = serving.champion(clients.bedrock(), clients.ssm(), stack, request.run.slug)
    datasets.require_comparable(clients.s3(), request.run, request.prepared, champion)

    return runs.plan_rematch(clients.s3(), request.run, champion).payload()
