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

    by = clean_up.CleanUp(
        bedrock=clients.bedrock(),
        ssm=clients.ssm(),
        s3=clients.s3(),
        sns=clients.sns(),
        stepfunctions=clients.stepfunctions(),
        environment=NotifyEnvironment.read(),
    )

    return by.after(request).payload()
