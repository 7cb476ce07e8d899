"""Request Approval: ask a person by mail, and keep the token with which Decide answers."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import approvals
from finetune.aws.approvals import Asking
from finetune.contracts import RequestApprovalInput
from finetune.environment import NotifyEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = RequestApprovalInput.model_validate(event)

    asked = approvals.request(Asking.within(NotifyEnvironment.read()), request)

    return asked.payload()
