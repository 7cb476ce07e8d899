"""What the commands that speak to a deployed stack have in common."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.failure import UsageFailure
from finetune.aws import clients, overview
from finetune.aws.translation import translated

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_ssm import SSMClient

DEFAULT_STACK = "finetune"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default=DEFAULT_STACK, metavar="NAME", help=f"the stack ({DEFAULT_STACK})")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def connect(stack: str) -> tuple[BedrockClient, BedrockRuntimeClient, SSMClient]:
    """Clients with the caller's own credentials and Region; UsageFailure when the stack is not there."""
    with translated("connecting to AWS"):
        cloudformation, bedrock = clients.cloudformation(), clients.bedrock()
        runtime, ssm = clients.bedrock_runtime(), clients.ssm()
    if not overview.stack_exists(cloudformation, stack):
        region = cloudformation.meta.region_name
        raise UsageFailure(
            f"There is no stack {stack!r} in {region}; name yours with --stack, or choose another Region."
        )
    return bedrock, runtime, ssm
