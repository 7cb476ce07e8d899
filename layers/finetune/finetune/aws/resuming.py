"""Going on with what a run has trained: a new execution about the same dataset version, which trains nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from finetune import earlier
from finetune.aws import executions, publication, runs, storage
from finetune.aws.translation import code_of, translated
from finetune.domain.customization.projects import execution_name, slug_before, slugs_meant
from finetune.errors import NothingToResume
from finetune.foreign import foreign
from finetune.frozen import Frozen
from finetune.letter import of_execution
from finetune.run import MOST_ATTEMPTS, DatasetDropped, Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient


# 20261121-091431-a1b2c3d4
RUN_ID_CHARACTERS = 24


class Resumed(Frozen):
    """The run that goes on with another one's model, and its execution."""

    run_id: str
    execution_arn: str


def find(s3: S3Client, artifact_bucket: str, run_id: str, project: str | None) -> Run:
    """A run by its id, in any project unless one is named; NothingToResume when there is none, or more than one.

    Mails and endpoints have the project before the id; so may who asks.
    """
    run_id = run_id[-RUN_ID_CHARACTERS:] if len(run_id) > RUN_ID_CHARACTERS else run_id
    slugs = (
        {*slugs_meant(project), slug_before(project)}
        if project
        else storage.folders_under(s3, f"s3://{artifact_bucket}/runs/")
    )
    found = [
        run
        for slug in slugs
        if (run := runs.planned(s3, f"s3://{artifact_bucket}/runs/{slug}/{run_id}"))
        and project in {None, run.project, run.slug}
    ]
    if not found:
        whose = f"Project {foreign(project)} has no run" if project else "No project has a run"
        raise NothingToResume(f"{whose} {run_id} that was planned.")
    if len(found) > 1:
        projects = ", ".join(run.project for run in found)
        raise NothingToResume(f"Several projects have a run {run_id} ({projects}); name one with --project.")
    return found[0]


def require_out_of_service(ssm: SSMClient, stack: str, run: Run) -> None:
    """NothingToResume when a run has ended with its model in service."""
    published = publication.read(ssm, stack, run.slug)
    if published and published.run_id == run.run_id:
        raise NothingToResume(f"Run {run.run_id} has put its model into service; there is nothing to go on with.")


def resume(stepfunctions: SFNClient, s3: S3Client, run: Run, machine_arn: str) -> Resumed:
    """Start the execution that goes on with a run's model, under the next attempt that is free.

    NothingToResume while the run, or one of the attempts after it, is still going on.
    """
    if run.evaluate:
        raise NothingToResume(
            f"Run {run.run_id} evaluated a model that was trained elsewhere; evaluate it anew with "
            f"{earlier.evaluation(run.evaluate, run.project, of_execution(run.execution_arn))}."
        )
    bucket, _ = storage.split_uri(run.folder)
    _require_ended(stepfunctions, run.run_id, run.execution_arn)
    for attempt in range(2, MOST_ATTEMPTS + 1):
        asked = _request(run, attempt)
        next_run = runs.under(runs.identify(asked, artifact_bucket=bucket, execution_arn=""), run.slug)
        if taken := runs.owner(s3, next_run):
            _require_ended(stepfunctions, next_run.run_id, taken)
            continue
        name = execution_name(**asked.identity)
        if started := _start(stepfunctions, machine_arn, name, asked):
            return Resumed(run_id=next_run.run_id, execution_arn=started)
    raise NothingToResume(f"Dataset version {run.dataset.version_id} has had {MOST_ATTEMPTS} attempts; drop it again.")


def evaluate(
    stepfunctions: SFNClient, s3: S3Client, asked: DatasetDropped, *, artifact_bucket: str, machine_arn: str
) -> Resumed:
    """Start the execution that evaluates a model from elsewhere, under the next attempt that is free.

    NothingToResume while an earlier evaluation of it with the same evaluation set is still going on.
    """
    for attempt in range(1, MOST_ATTEMPTS + 1):
        next_asked = asked.model_copy(update={"attempt": attempt})
        run = runs.identify(next_asked, artifact_bucket=artifact_bucket, execution_arn="")
        if taken := runs.version_owner(s3, run):
            _require_ended(stepfunctions, taken.rpartition(":")[2], taken)
            continue
        name = execution_name(**next_asked.identity)
        if started := _start(stepfunctions, machine_arn, name, next_asked):
            return Resumed(run_id=run.run_id, execution_arn=started)
    raise NothingToResume(f"The model has had {MOST_ATTEMPTS} evaluations with this evaluation set; change the set.")


def _require_ended(stepfunctions: SFNClient, run_id: str, execution_arn: str) -> None:
    found = executions.look(stepfunctions, execution_arn)
    if found and found.running:
        raise NothingToResume(f"Run {run_id} is still going on; resume it once it has ended.")


def _request(run: Run, attempt: int) -> DatasetDropped:
    """What the execution is started with; a run's id has the time of its event to the second."""
    return DatasetDropped(
        **run.dataset.model_dump(),
        event_time=datetime.strptime(run.run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC),
        attempt=attempt,
        resume=run.run_id,
    )


def _start(stepfunctions: SFNClient, machine_arn: str, name: str, asked: DatasetDropped) -> str | None:
    """The execution's ARN; None when the name was used before."""
    with translated(f"starting execution {name}"):
        try:
            return stepfunctions.start_execution(
                stateMachineArn=machine_arn, name=name, input=asked.model_dump_json(exclude_defaults=True)
            )["executionArn"]
        except ClientError as error:
            if code_of(error) == "ExecutionAlreadyExists":
                return None
            raise
