"""Prepare Dataset: convert, split and stage the dataset, and foresee what the run costs and can decide."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, datasets
from finetune.aws.trained import Looking
from finetune.contracts import PrepareDatasetInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = PrepareDatasetInput.model_validate(event)

    by = Looking(clients.bedrock(), clients.s3(), clients.stepfunctions())

    return datasets.prepare(by, request).payload()
