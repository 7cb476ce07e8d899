"""Validate Dataset: refuse a dataset that Bedrock would refuse, before it costs anything."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, datasets
from finetune.contracts import ValidateDatasetInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ValidateDatasetInput.model_validate(event)

    return datasets.validate(clients.s3(), request.run).payload()
