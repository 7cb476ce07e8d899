"""Judge Evaluation: measure the answers, decide whether the custom model is better and write the report."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import clients, verdict
from finetune.contracts import JudgeEvaluationInput
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = JudgeEvaluationInput.model_validate(event)

    return verdict.judge_evaluation(clients.s3(), request).payload()
