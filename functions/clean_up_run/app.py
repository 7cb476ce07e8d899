"""Clean Up Run: clean up after an execution that was aborted, timed out or failed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws.clean_up import CleanUp
from finetune.contracts import CleanUpRunInput
from finetune.environment import NotifyEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = CleanUpRunInput.model_validate(event)

    cleaned = CleanUp.within(NotifyEnvironment.read()).after(request)

    return cleaned.payload()
