"""Clean Up Run: clean up after an execution that was aborted, timed out or failed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clean_up, clients
from finetune.contracts import CleanUpRunInput
from finetune.environment import NotifyEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = CleanUpRunInput.model_validate(event)

    return clean_up.clean_up_run(
        clients.bedrock(), clients.ssm(), clients.s3(), clients.sns(), request, NotifyEnvironment.read()
    ).payload()
