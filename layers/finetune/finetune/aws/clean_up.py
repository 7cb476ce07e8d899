"""What is done for a run that can no longer do it itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from finetune.aws import executions, mail, notice, release, runs
from finetune.aws.clients import Acting
from finetune.aws.executions import Execution
from finetune.aws.release import Attempts
from finetune.aws.written import read_back, recall
from finetune.contracts import CleanUpRunInput, CleanUpRunOutput, NotifyInput
from finetune.errors import EndpointBusy, FilesMisplaced, FileUnreadable, UnsupportedDataset
from finetune.parts import Failure, Outcome
from finetune.run import DatasetDropped, Run

_ENDED = {
    "ABORTED": ("Aborted", "Somebody stopped the execution."),
    "TIMED_OUT": ("States.Timeout", "The execution reached its time limit."),
}


@dataclass(frozen=True, slots=True)
class CleanUp(Acting):
    """What is done through the clients for an execution that has ended."""

    def after(self, ended: CleanUpRunInput) -> CleanUpRunOutput:
        """Release what an ended execution owned and send its mail if none was sent; doing it twice does nothing more.

        Leaves alone an execution that goes on because it was redriven, and one whose Promote Model may still be going.
        """
        found = executions.look(self.stepfunctions, ended.execution_arn)
        if found and found.running:
            return CleanUpRunOutput(put_off=True)
        redrives = found.redrives if found else 0
        attempts, released, run, unknown = Attempts(), tuple[str, ...](), None, ""
        try:
            run = self.owned_run(ended, attempts)
        except FileUnreadable as error:  # the sweeper finds by its tags what there is
            unknown = str(error)
        if run:
            if not runs.comes_first(self.s3, run, redrives, "clean up") and not (found and found.quiet):
                return CleanUpRunOutput(put_off=True)
            with attempts.one(), suppress(EndpointBusy):  # the sweeper deletes it once it is ready
                released = release.release_run(
                    self.bedrock, self.ssm, self.s3, run, stack=self.environment.STACK_NAME
                ).released
        sent = False
        with attempts.one():
            sent = self._deliver(_ending(ended, run), redrives, unknown)
        attempts.conclude()
        return CleanUpRunOutput(released=released, mail_sent=sent)

    def owned_run(self, ended: CleanUpRunInput, attempts: Attempts) -> Run | None:
        """The run that the execution claimed; None when it claimed none, FileUnreadable when that cannot be known.

        What follows from the run's name is known also if its plan cannot be read.
        """
        try:
            dropped = read_back(DatasetDropped, ended.input or "", f"The input of {ended.execution_arn}")
            named = runs.identify(
                dropped, artifact_bucket=self.environment.ARTIFACT_BUCKET, execution_arn=ended.execution_arn
            )
        except (FilesMisplaced, UnsupportedDataset):
            return None
        run = runs.as_claimed(self.s3, named)
        if runs.owner(self.s3, run) != ended.execution_arn:
            return None
        with attempts.one(FileUnreadable):
            return runs.read_plan(self.s3, run)
        return runs.with_every_candidate(run)

    def _deliver(self, known: NotifyInput, redrives: int, unknown: str = "") -> bool:
        return notice.deliver(self, known, redrives, unknown=unknown)

    def untold(self, execution: Execution) -> bool:
        """Do for an execution, of which nobody was told, what was to be done at its end; whether a mail was sent."""
        found = executions.look(self.stepfunctions, execution.arn)
        if found is None or found.running:
            return False
        if found.status != "SUCCEEDED":
            told = {key: getattr(found, key) for key in ("status", "input", "error", "cause")}
            return self.after(CleanUpRunInput(execution_arn=found.arn, **told)).mail_sent
        ending = _success(found.arn, orjson.loads(found.output or "{}"))
        if ending is None:
            mail.none_is_due(self.s3, self.environment.ARTIFACT_BUCKET, found.arn)
            return False
        return self._deliver(ending, found.redrives)


def _ending(ended: CleanUpRunInput, run: Run | None) -> NotifyInput:
    error, cause = _ENDED.get(ended.status, (ended.error or "Unknown", ended.cause or ""))
    if ended.status == "ABORTED" and (ended.error or ended.cause):
        given = ": ".join(filter(None, (ended.error, ended.cause)))
        cause = f"{cause} Reason given: {given}"
    failure = Failure(Error=error, Cause=cause)
    return NotifyInput(outcome="RunFailed", execution_arn=ended.execution_arn, run=run, error=failure)


def _success(execution_arn: str, output: dict[str, Any]) -> NotifyInput | None:
    """What the run's own mail was to say; None for a second delivery, which gets none.

    What an older release wrote and this one cannot read is left out of the mail.
    """
    outcome: Outcome | None = next(
        (name for key, name in _SUCCESSES if output.get(key) is not None),
        None,
    )
    if outcome is None:
        return None
    known = {key: output.get(key) for key in ("run", "prepared", "model", "evaluation", "promotion")}
    try:
        return recall(NotifyInput, {"outcome": outcome, "execution_arn": execution_arn, **known}, "The output")
    except FileUnreadable:
        return NotifyInput(outcome=outcome, execution_arn=execution_arn)


_SUCCESSES: tuple[tuple[str, Outcome], ...] = (
    ("promotion", "ModelPromoted"),
    ("evaluation", "ModelNotPromoted"),
    ("prepared", "NothingNew"),
)
