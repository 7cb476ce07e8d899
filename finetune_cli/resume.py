"""`finetune resume`: go on with what a run has trained."""

from __future__ import annotations

from finetune.aws import resuming
from finetune.errors import NothingToResume
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.resume import Options
from finetune_cli.console import Console


def run(options: Options, console: Console) -> Answer:
    """Yes once the execution was started, no when there is nothing to go on with."""
    by = stack.removing(options.stack)
    try:
        found = resuming.find(by.s3, by.bucket, options.run, options.project)
        resuming.require_out_of_service(by.ssm, by.stack, found)
        resumed = resuming.resume(by.stepfunctions, by.s3, found, by.machine_arn)
    except NothingToResume as nothing:
        console.warn(f"finetune: {nothing}")
        return Answer(False, {"run": options.run, "reason": str(nothing)})
    console.write(
        f"Run {resumed.run_id} goes on with the model of run {found.run_id} of {found.project}; a mail tells how it "
        "ends.",
        f"Execution: {resumed.execution_arn}",
    )
    facts = {"project": found.project, "resumes": found.run_id, "run": resumed.run_id}
    return Answer(True, {**facts, "execution": resumed.execution_arn})
