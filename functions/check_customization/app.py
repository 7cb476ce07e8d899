"""Check Customization Job: report the progress of the job and when to check again."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, customization
from finetune.contracts import CheckCustomizationInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = CheckCustomizationInput.model_validate(event)

    return customization.check_job(clients.bedrock(), request.job).payload()
