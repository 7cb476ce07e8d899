"""Release Endpoint: stop and delete what the run still pays for and did not put into service."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, release
from finetune.contracts import ReleaseEndpointInput
from finetune.environment import Environment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ReleaseEndpointInput.model_validate(event)

    return release.release_run(
        clients.bedrock(),
        clients.ssm(),
        clients.s3(),
        request.run,
        stack=Environment.read().STACK_NAME,
        keep=request.keep,
    ).payload()
