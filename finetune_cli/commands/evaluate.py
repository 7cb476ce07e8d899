"""What `finetune evaluate` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Evaluate a custom model that was trained elsewhere with a project's evaluation set.

    The model must be in the account and Region of the stack, Active, and of the base model that the project's settings
    name. A new execution compares it with the base model and the model in service and promotes it only if it is
    better, with the project's budget, gates and approvals. The stack never tags the model as its own and never deletes
    it. What the model was trained on is not known, so nothing can look for evaluation items that it has seen.
    """

    EXAMPLE: ClassVar = (
        "finetune evaluate --project shop-assistant "
        "--model arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-micro-v1:0:128k/abcdefghijkl"
    )
    YES: ClassVar = "the execution was started"
    NO: ClassVar = "the model cannot be evaluated for the project, or is being evaluated"

    model: str = option(metavar="ARN", required=True, help="the custom model")
    project: str = option(metavar="PROJECT", required=True, help="the project whose evaluation set and settings count")
