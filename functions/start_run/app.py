"""Start Run: start the execution of a dropped object under the name of its run; a second delivery finds the first."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, starts
from finetune.contracts import StartRunInput
from finetune.environment import StartEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = StartRunInput.model_validate(event)

    return starts.start_run(
        clients.stepfunctions(),
        clients.s3(),
        request,
        StartEnvironment.read(),
    ).payload()
