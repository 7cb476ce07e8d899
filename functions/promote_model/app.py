"""Promote Model: put the model behind the project's endpoint and publish it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, serving
from finetune.contracts import PromoteModelInput
from finetune.environment import Environment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = PromoteModelInput.model_validate(event)

    by = serving.Promoting(
        bedrock=clients.bedrock(),
        runtime=clients.bedrock_runtime(),
        ssm=clients.ssm(),
        s3=clients.s3(),
        stepfunctions=clients.stepfunctions(),
        stack=Environment.read().STACK_NAME,
    )

    return serving.promote(by, request).payload()
