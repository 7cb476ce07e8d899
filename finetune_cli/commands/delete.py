"""What `finetune delete` is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune_cli.options import StackOptions, argument, option


@dataclass(frozen=True, kw_only=True)
class Options(StackOptions):
    """Delete a project, what is left of a run, or one custom model, after showing the plan and asking.

    Runs are stopped first, then jobs, endpoints, the published parameter and models are deleted. What another project
    uses or somebody keeps stays. A model in service goes only with its project. Files in S3 stay. The command waits
    until Bedrock knows nothing of it any more. If it was interrupted, run it again to continue it.
    """

    EXAMPLE: ClassVar = "finetune delete shop-assistant --yes"
    YES: ClassVar = "everything of the plan is deleted"
    NO: ClassVar = "nothing was deleted, because there is nothing, something needs it or the answer was no"

    target: str = argument(
        metavar="TARGET", help="a project as in incoming/<project>/, the id of a run, or the name or ARN of a model"
    )
    yes: bool = option(is_flag=True, help="do not ask")
