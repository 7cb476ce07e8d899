"""The tags by which what a run made is known again: whose it is, and until when it may live."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune.aws.translation import is_missing, service_time, translated
from finetune.domain.customization.jobs import resource_name
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

STACK_TAG, RUN_TAG, PROJECT_TAG, NAME_TAG, EXECUTION_TAG, LEASE_TAG = (
    "finetune-stack",
    "finetune-run",
    "finetune-project",
    "finetune-project-name",
    "finetune-execution",
    "finetune-lease-until",
)
# On custom models: when one is deleted, and that a person wants to keep it.
DELETE_AFTER_TAG, KEEP_TAG = "finetune-delete-after", "finetune-keep"

# What Bedrock takes as a tag's value; an execution that a person named may have other letters.
MOST_TAG_CHARACTERS = 256
_TAG_VALUE = re.compile(rf"[a-zA-Z0-9\s._:/=+@-]{{1,{MOST_TAG_CHARACTERS}}}")
RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_NAME_LETTERS = frozenset(ascii_letters + digits + " ._-")


def tags_of(run: Run, stack: str, **more: str) -> list[dict[str, str]]:
    """The tags every resource of a run carries, as Bedrock spells them."""
    tags = {STACK_TAG: stack, RUN_TAG: run.run_id, PROJECT_TAG: run.slug, NAME_TAG: _spelled(run.project), **more}
    if _TAG_VALUE.fullmatch(run.execution_arn):
        tags[EXECUTION_TAG] = run.execution_arn
    return [{"key": key, "value": value} for key, value in tags.items()]


def _spelled(name: str) -> str:
    """A project's full name in the letters of a tag; of another byte `=` and its hex digits."""
    encoded = "".join(chr(byte) if chr(byte) in _NAME_LETTERS else f"={byte:02X}" for byte in name.encode())
    return encoded[:MOST_TAG_CHARACTERS]


def is_own(name: str, given: Mapping[str, str], stack: str) -> bool:
    """Whether a run of the stack made the job or endpoint that has this name and these tags.

    Whoever may tag can put the stack's tag on what is not the stack's, but cannot give it the name of a run.
    """
    project, run = given.get(PROJECT_TAG, ""), given.get(RUN_TAG, "")
    made = resource_name(project, run)
    named = name == made or (name.startswith(f"{made}-c") and name.removeprefix(f"{made}-c").isdigit())
    return given.get(STACK_TAG) == stack and RUN_ID.fullmatch(run) is not None and named


def read(bedrock: BedrockClient, arn: str) -> tuple[dict[str, str], datetime] | None:
    """The tags of a resource and the service's time; None when it has gone since it was listed."""
    with translated(f"reading the tags of {arn}"):
        try:
            answer = bedrock.list_tags_for_resource(resourceARN=arn)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
    return {tag["key"]: tag["value"] for tag in answer.get("tags", [])}, service_time(answer)


def add(bedrock: BedrockClient, arn: str, stack: str, more: Mapping[str, str]) -> None:
    """Lay tags over those of a resource of the stack, whose own tag is given again because IAM asks for it."""
    with translated(f"tagging {arn}"):
        bedrock.tag_resource(
            resourceARN=arn, tags=[{"key": key, "value": value} for key, value in {STACK_TAG: stack, **more}.items()]
        )


def remove(bedrock: BedrockClient, arn: str, keys: Sequence[str]) -> None:
    """Take tags off a resource."""
    with translated(f"taking tags off {arn}"):
        bedrock.untag_resource(resourceARN=arn, tagKeys=list(keys))
