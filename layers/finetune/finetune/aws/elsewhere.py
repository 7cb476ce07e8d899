"""A custom model that was trained elsewhere: whether a project may evaluate it, and how a run goes on with it.

The stack opens endpoints for it and may put it into service. It never tags it and never deletes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune import earlier
from finetune.aws import tags
from finetune.aws.tags import PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.aws.translation import is_missing, translated
from finetune.contracts import SelectModelOutput
from finetune.domain.catalog import BaseModelRow
from finetune.errors import ModelUnusable
from finetune.letter import of_stack
from finetune.run import Champion, Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock.type_defs import GetCustomModelResponseTypeDef

_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):custom-model/[a-zA-Z0-9./:-]+")


def require_usable(
    bedrock: BedrockClient, run: Run, row: BaseModelRow, champion: Champion | None, *, stack: str
) -> None:
    """ModelUnusable unless the model that a run evaluates is an Active one of this account, Region and base model.

    Does nothing for a run that evaluates none from elsewhere.
    """
    if run.evaluate is None:
        return
    model_arn, account = run.evaluate, run.execution_arn.split(":")[4]
    told = _ARN.fullmatch(model_arn)
    if told is None:
        raise ModelUnusable(
            f"{model_arn!r} is not the ARN of a custom model; `aws bedrock list-custom-models` lists those there are."
        )
    region = bedrock.meta.region_name
    if (told["region"], told["account"]) != (region, account):
        raise ModelUnusable(
            f"{model_arn} is in Region {told['region']} of account {told['account']}, and the stack is in {region} of "
            f"{account}. Copy the model there (CreateModelCopyJob) and evaluate the copy."
        )
    found = _find(bedrock, model_arn)
    if found is None:
        raise ModelUnusable(f"{model_arn} does not exist, or was deleted.")
    if (status := found.get("modelStatus", "Active")) != "Active":
        raise ModelUnusable(f"{model_arn} is {status}; only an Active model can answer. Try again once it is.")
    base = found.get("baseModelArn", "").rpartition("/")[2]
    if base not in {row.id, row.inference_id}:
        raise ModelUnusable(
            f"{model_arn} was trained from {base or 'a base model that is not told'}, and the project's settings say "
            f"{row.id}. Set base_model in its settings.yaml."
        )
    if champion and champion.model_arn == model_arn:
        raise ModelUnusable(f"{model_arn} is in service already; run {champion.run_id} has put it there.")
    given = (tags.read(bedrock, model_arn) or ({}, None))[0]
    if given.get(STACK_TAG) == stack:
        raise ModelUnusable(
            f"{model_arn} was trained by this stack. "
            f"`{earlier.command(given.get(RUN_TAG, 'RUN'), given.get(PROJECT_TAG, 'PROJECT'), of_stack(stack))}` "
            "evaluates it."
        )
    if STACK_TAG in given:
        raise ModelUnusable(
            f"{model_arn} has the tag {STACK_TAG} of another stack, whose models this stack may not serve. Take the "
            "tag off, or copy the model and evaluate the copy."
        )


def _find(bedrock: BedrockClient, model_arn: str) -> GetCustomModelResponseTypeDef | None:
    with translated(f"looking for custom model {model_arn}"):
        try:
            return bedrock.get_custom_model(modelIdentifier=model_arn)
        except ClientError as error:
            if is_missing(error):
                return None
            raise


def model(bedrock: BedrockClient, run: Run) -> SelectModelOutput:
    """The model as a run goes on with it; ModelUnusable when it was deleted meanwhile."""
    found = _find(bedrock, run.evaluate or "")
    if found is None:
        raise ModelUnusable(f"{run.evaluate} was deleted while the run was going.")
    return SelectModelOutput(
        outcome="trained",
        reason="It was trained elsewhere, so nothing is known of its losses.",
        model_arn=found["modelArn"],
        model_name=found["modelName"],
        job_arn=found.get("jobArn"),
    )
