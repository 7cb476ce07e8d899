"""Evaluate Shard: ask every contestant a share of the evaluation set and keep the answers."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, inference
from finetune.contracts import EvaluateShardInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = EvaluateShardInput.model_validate(event)

    return inference.evaluate_shard(
        clients.bedrock_runtime(),
        clients.s3(),
        request,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000,
    ).payload()
