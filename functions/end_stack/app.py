"""End Stack: before a stack is deleted, stop its runs and jobs, delete its endpoints and name the models that stay."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, ending
from finetune.aws.removal import Removing
from finetune.contracts import EndStackInput
from finetune.environment import StartEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = EndStackInput.model_validate(event)

    environment = StartEnvironment.read()
    ended = ending.answer(
        clients.cloudformation(),
        clients.sns(),
        Removing.within(environment),
        request,
        topic_arn=environment.TOPIC_ARN,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
    )

    return ended.payload()
