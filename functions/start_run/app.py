"""Start Run: start the execution of a dropped object under the name of its run; a second delivery finds the first."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, executions
from finetune.contracts import StartRunInput
from finetune.environment import StartEnvironment
from finetune.step import step

# Nobody else starts the run if Step Functions is busy now, so this asks for about a minute each time it is invoked.
ATTEMPTS = 12


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = StartRunInput.model_validate(event)

    return executions.start_run(
        clients.stepfunctions(attempts=ATTEMPTS),
        clients.s3(),
        clients.sns(),
        request,
        StartEnvironment.read(),
    ).payload()
