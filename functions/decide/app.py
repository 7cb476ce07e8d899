"""Decide: take a person's answer to what a run asks, once, and send it to the run."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from finetune.aws import decisions
from finetune.aws.approvals import Asking
from finetune.contracts import DecideInput
from finetune.environment import NotifyEnvironment
from finetune.step import step


@step
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = DecideInput.model_validate(event)

    decided = decisions.decide(Asking.within(NotifyEnvironment.read()), request)

    return decided.payload()
