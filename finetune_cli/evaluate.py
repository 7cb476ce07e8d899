"""`finetune evaluate`: evaluate a custom model that was trained elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

from finetune.aws import elsewhere, ownership, resuming, runs, serving, storage
from finetune.domain.catalog import base_model
from finetune.domain.customization.projects import evaluation_set
from finetune.errors import BaseModelUnknown, ModelUnusable, NothingToResume, SettingsInvalid, UnsupportedDataset
from finetune.run import DatasetDropped
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.evaluate import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Yes once the execution was started, no with the reason when the model cannot be evaluated."""
    by = stack.removing(options.stack)
    [datasets] = stack.outputs(options.stack, "DatasetBucketName")
    try:
        found = storage.latest_version(by.s3, datasets, evaluation_set(options.project))
        if found is None:
            raise ModelUnusable(
                f"Project {options.project} has no evaluation set: put one to "
                f"s3://{datasets}/{evaluation_set(options.project)}."
            )
        asked = DatasetDropped(**found.model_dump(), event_time=datetime.now(UTC), evaluate=options.model)
        named = runs.identify(asked, artifact_bucket=by.bucket, execution_arn=by.machine_arn)
        wanted = ownership.settled(by.s3, by.ssm, by.stack, named)
        row = base_model(runs.read_settings(by.s3, wanted).base_model)
        champion = serving.champion(by.bedrock, by.ssm, by.stack, wanted.slug)
        elsewhere.require_usable(by.bedrock, wanted, row, champion, stack=by.stack)
        started = resuming.evaluate(
            by.stepfunctions, by.s3, asked, artifact_bucket=by.bucket, machine_arn=by.machine_arn
        )
    except (BaseModelUnknown, ModelUnusable, NothingToResume, SettingsInvalid, UnsupportedDataset) as refused:
        console.warn(f"finetune: {refused}")
        return Answer(False, {"model": options.model, "project": options.project, "reason": str(refused)})
    console.write(
        f"Run {started.run_id} evaluates the model for {options.project}; a mail tells how it ends.",
        f"Execution: {started.execution_arn}",
    )
    facts = {"project": options.project, "model": options.model, "run": started.run_id}
    return Answer(True, {**facts, "execution": started.execution_arn})
