"""Select Model: read the losses of every trained candidate and pick the one to evaluate."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, selection
from finetune.contracts import SelectModelInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = SelectModelInput.model_validate(event)

    return selection.select_model(clients.s3(), request).payload()
