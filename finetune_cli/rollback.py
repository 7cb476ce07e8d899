"""`finetune rollback`: put a project's previous model back into service."""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import chain, repeat
from typing import Any

from finetune.aws import serving
from finetune.aws.publication import Published
from finetune.aws.serving import NothingToRollBack
from finetune.domain.customization.jobs import project_slug
from finetune_cli import stack

# Seconds between two looks; the last goes on.
FIRST_WAITS, LATER_WAITS = (0.5, 1.0, 2.0), 5.0


def add(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "rollback",
        help="put a project's previous model back into service",
        description="Puts the previous model back behind the project's endpoint, asks it and publishes it. The ARN "
        "stays the same. It takes the service some minutes; interrupted, it goes on when it is called again.",
    )
    parser.add_argument("project", help="the project, as in incoming/<project>/")
    stack.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 once the previous model is published; 1 when there is none."""
    bedrock, runtime, ssm = stack.connect(options.stack)
    seconds = chain(FIRST_WAITS, repeat(LATER_WAITS))
    slug = project_slug(options.project)
    try:
        after = serving.roll_back(bedrock, runtime, ssm, options.stack, slug, wait=lambda: time.sleep(next(seconds)))
    except NothingToRollBack as nothing:
        print(f"finetune: {nothing}", file=sys.stderr)
        return 1
    print(json.dumps(_facts(options.project, after), indent=2) if options.json else _sentence(options.project, after))
    return 0


def _facts(project: str, after: Published) -> dict[str, object]:
    return {
        "project": project,
        "endpoint": after.endpoint_arn,
        "model": after.model_arn,
        "run": after.run_id,
        "previous_model": after.previous_model_arn,
        "previous_run": after.previous_run_id,
    }


def _sentence(project: str, after: Published) -> str:
    return (
        f"{project} is back on the model of run {after.run_id}: {after.model_arn}\n"
        f"The endpoint is the same: {after.endpoint_arn}\n"
        f"The model of run {after.previous_run_id} is the previous one now; roll back once more to return to it."
    )
