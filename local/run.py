"""One run from drop to result: `python -m local run`."""

import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from finetune.domain.customization.projects import project_slug
from local import collect
from local.faults import check_faults
from local.project import Project
from local.results import Result, judgement, result
from local.session import Session, session
from local.terminal import Terminal
from local.watch import execution_of_drop, watch
from local.words import summary


@dataclass(frozen=True)
class Request:
    """What `python -m local run` was asked for."""

    project: Project
    faults: tuple[str, ...]
    time_scale: float
    out: Path | None
    activate_retired: bool


def run(request: Request, terminal: Terminal) -> Result:
    """Run the project's dataset through the stack in a cloud of its own; RequestError before anything is started."""
    check_faults(request.faults)
    project, scale = request.project, request.time_scale
    out = request.out or default_folder(project)
    if project.found:
        terminal.say(f"Also used, from the dataset's folder: {', '.join(project.found)}.")
    with (
        collect.kept_in(out),
        tempfile.TemporaryDirectory(prefix="finetune-", ignore_cleanup_errors=True) as state,
        session(Path(state), region=project.region, time_scale=scale, step=terminal.step) as stack,
    ):
        _prepare_service(stack, request)
        with terminal.step("Drop the dataset"):
            upload(stack, project)
            dropped_at = time.monotonic()
            execution_arn = execution_of_drop(stack)
        view = terminal.follow(watch(stack, execution_arn))
        seconds = time.monotonic() - dropped_at
        kept = collect.collect(stack, view, out)
    outcome = result(
        view.description,
        view.events,
        run_id=kept.run_id,
        seconds=seconds,
        mails=kept.mails,
        ledger=kept.ledger,
        report=kept.report,
    )
    (out / collect.RESULT).write_text(outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
    terminal.summarise(summary(outcome, judgement(view.events), kept.evaluation, kept.ledger, str(out)))
    return outcome


def default_folder(project: Project) -> Path:
    """`out/<project>-<time>`."""
    return Path("out") / f"{project_slug(project.name)}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def upload(stack: Session, project: Project) -> None:
    """Upload the project's files, then drop the dataset."""
    s3, bucket = stack.cloud.client("s3"), stack.outputs["DatasetBucketName"]
    for name, path in project.files.items():
        s3.upload_file(str(path), bucket, project.file_key(name))
    s3.upload_file(str(project.dataset), bucket, project.dataset_key)


def _prepare_service(stack: Session, request: Request) -> None:
    row = request.project.base_model
    if request.activate_retired and row:
        stack.bedrock.activate(row.id)
    stack.bedrock.inject(*request.faults)
