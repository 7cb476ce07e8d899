"""`finetune rollback`: put a project's previous model back into service."""

from __future__ import annotations

import time
from itertools import chain, repeat
from typing import Any

from finetune.aws import publication, serving
from finetune.aws.publication import Published
from finetune.aws.serving import NothingToRollBack
from finetune.domain.customization.projects import project_slug, two_meant
from finetune.foreign import block
from finetune_cli import stack
from finetune_cli.answer import TWO_PROJECTS, Answer, UsageFailure
from finetune_cli.commands.rollback import Options
from finetune_cli.console import Console

# Seconds between two looks; the last goes on.
FIRST_WAITS, LATER_WAITS = (0.5, 1.0, 2.0), 5.0


def run(options: Options, console: Console) -> Answer:
    """Yes once the previous model is published, no when there is none."""
    bedrock, runtime, ssm = stack.connect(options.stack)
    seconds = chain(FIRST_WAITS, repeat(LATER_WAITS))
    meant = stack.slugs_of(options.stack, options.project)
    known = [slug for slug in meant or () if publication.read(ssm, options.stack, slug)]
    if two_meant(options.project, known):
        raise UsageFailure(f"{TWO_PROJECTS.format(text=options.project)} Nothing was changed.")
    slug = next(iter(known), project_slug(options.project))
    try:
        after = serving.roll_back(bedrock, runtime, ssm, options.stack, slug, wait=lambda: time.sleep(next(seconds)))
    except NothingToRollBack as nothing:
        console.warn(f"finetune: {nothing}")
        return Answer(False, {"project": options.project, "reason": str(nothing)})
    console.write(_sentence(options.project, after))
    return Answer(True, _facts(options.project, after))


def _facts(project: str, after: Published) -> dict[str, Any]:
    return {
        "project": project,
        "endpoint": after.endpoint_arn,
        "model": after.model_arn,
        "run": after.run_id,
        "previous_model": after.previous_model_arn,
        "previous_run": after.previous_run_id,
    }


def _sentence(project: str, after: Published) -> str:
    return block(
        f"{project} has the model of run {after.run_id} in service again: {after.model_arn}",
        f"The endpoint has not changed: {after.endpoint_arn}",
        f"The previous model is now that of run {after.previous_run_id}; another rollback returns to it.",
    )
