"""Sweep Endpoints: clean up after ended runs, delete endpoints that nobody owns, send mails that were never sent."""

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import sweep
from finetune.aws.clean_up import CleanUp
from finetune.contracts import SweepEndpointsInput
from finetune.environment import SweepEnvironment
from finetune.step import step

metrics = Metrics(namespace="FineTune")


@step
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    SweepEndpointsInput.model_validate(event)

    environment = SweepEnvironment.read()

    swept = sweep.sweep(CleanUp.within(environment), environment)
    metrics.add_metric(name="EndpointsSwept", unit=MetricUnit.Count, value=len(swept.released))
    metrics.add_metric(name="ModelsDeleted", unit=MetricUnit.Count, value=len(swept.deleted_models))

    return swept.payload()
