"""Notify: send the one mail of the run; if the run failed, return the failure in one sentence."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune import messages
from finetune.aws import executions, notice
from finetune.aws.clients import Acting
from finetune.contracts import NotifyInput, NotifyOutput
from finetune.environment import NotifyEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = NotifyInput.model_validate(event)
    by = Acting.within(NotifyEnvironment.read())

    found = executions.look(by.stepfunctions, request.execution_arn)
    notice.deliver(by, request, found.redrives if found else 0)
    failure = messages.failure(request)

    return NotifyOutput(error=failure.Error, cause=failure.Cause).payload()
