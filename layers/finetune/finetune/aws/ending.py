"""The end of a stack: nothing of it may go on being billed by the hour once nobody is left to look after it."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from finetune import notices
from finetune.aws import customization, mail, removal, retention
from finetune.aws.removal import Plan, Removing, Target
from finetune.aws.translation import translated
from finetune.contracts import EndStackInput, EndStackOutput
from finetune.errors import EndpointBusy, FineTuneError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_sns import SNSClient

# What the function keeps for its answer, without which CloudFormation waits for a quarter of an hour.
RESERVE_SECONDS = 60.0
# A constant: another one would let CloudFormation delete the resource of before.
PHYSICAL_ID = "end-stack"
# With these no parameter may begin, whatever their case.
RESERVED = ("aws", "ssm")
# CloudFormation takes an answer of 4,096 bytes.
REASON_CHARACTERS = 1_000


def put(url: str, content: bytes) -> None:
    """Give CloudFormation its answer, under the address that it signed."""
    request = urllib.request.Request(url, data=content, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - CloudFormation's
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def answer(  # noqa: PLR0913 - what it acts through, and how it waits
    cloudformation: CloudFormationClient,
    sns: SNSClient,
    by: Removing,
    request: EndStackInput,
    *,
    topic_arn: str,
    remaining: Callable[[], float],
    wait: Callable[[float], None] = time.sleep,
    respond: Callable[[str, bytes], None] = put,
) -> EndStackOutput:
    """End what the stack is billed for if it is being deleted, and answer CloudFormation in any case."""
    found = EndStackOutput(failure="The function ended without an answer.")
    try:
        deleting = request.request_type == "Delete" and _is_deleted(cloudformation, request.stack_id)
        failure = _name_refused(by.stack) if request.request_type == "Create" else None
        found = _ended(sns, by, topic_arn, remaining, wait) if deleting else EndStackOutput(failure=failure)
    except FineTuneError as error:
        found = EndStackOutput(failure=str(error))
    finally:
        respond(request.response_url, orjson.dumps(_response(request, found)))
    return found


def _name_refused(stack: str) -> str | None:
    """Why a stack of this name could never publish a model, if so; a template's rules cannot look at a beginning."""
    if not stack.lower().startswith(RESERVED):
        return None
    return (
        f"The stack's name {stack!r} begins with {' or '.join(RESERVED)}. Parameter Store takes no parameter "
        f"/{stack}/<project>/endpoint; deploy under another name."
    )


def _is_deleted(cloudformation: CloudFormationClient, stack_id: str) -> bool:
    """Whether the whole stack goes; an update that takes this resource out of the template must end nothing."""
    with translated(f"looking at {stack_id}"):
        [stack] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["StackStatus"].startswith("DELETE_")


def _ended(
    sns: SNSClient, by: Removing, topic_arn: str, remaining: Callable[[], float], wait: Callable[[float], None]
) -> EndStackOutput:
    def looks() -> Iterator[int]:
        while remaining() > RESERVE_SECONDS:
            yield 1

    left = removal.carry_out(by, Target(), wait=lambda: wait(min(10.0, max(remaining(), 0.0))), looks=looks())
    if names := _still_billed(by, left):
        raise EndpointBusy(
            f"These could not be ended yet and are billed: {', '.join(names)}. Delete the stack again in some minutes."
        )
    if left.unasked:
        raise EndpointBusy(f"Not everything could be looked at: {left.unasked[0]}. Delete the stack again.")
    models = tuple(model.name for model in retention.models_of(by.bedrock, by.stack).own)
    mail.publish(sns, topic_arn, notices.ended(by.stack, models))
    return EndStackOutput(models=models)


def _still_billed(by: Removing, left: Plan) -> list[str]:
    """What goes on; a job that is Stopping ends by itself."""
    going = {name for name, _ in customization.jobs_in_progress(by.bedrock)} if left.jobs else set()
    return [
        *(each.arn for each in left.running if each.running),
        *(each.name for each in left.jobs if each.name in going),
        *(each.arn for each in left.endpoints),
    ]


def _response(request: EndStackInput, found: EndStackOutput) -> dict[str, Any]:
    kept = f"Custom models that stay and are billed: {', '.join(found.models)}" if found.models else "Nothing stays."
    return {
        "Status": "FAILED" if found.failure else "SUCCESS",
        "Reason": (found.failure or kept)[:REASON_CHARACTERS],
        "PhysicalResourceId": PHYSICAL_ID,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
    }
