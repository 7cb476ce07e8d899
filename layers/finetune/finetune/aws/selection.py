"""Which of the trained candidates goes on to the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finetune.aws import storage
from finetune.aws.loss_curves import training_curves
from finetune.contracts import SelectModelInput, SelectModelOutput, TrainedCandidate
from finetune.domain.catalog import base_model
from finetune.domain.customization.loss_curves import TrainingSummary, best_candidate, summarise
from finetune.errors import QuotaExceeded, TooManyRunsAtOnce
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def select_model(s3: S3Client, request: SelectModelInput) -> SelectModelOutput:
    """The candidate with the lowest validation loss; `failed` with the service's words when none was trained.

    QuotaExceeded or TooManyRunsAtOnce when there was room for no candidate's job.
    """
    trained = [each for each in request.candidates if each.progress and each.progress.status == "Completed"]
    if not trained:
        reasons = "; ".join(f"candidate {each.candidate.index}: {_what_happened(each)}" for each in request.candidates)
        errors = {each.error.Error if each.error else "" for each in request.candidates}
        for waited_for in (QuotaExceeded, TooManyRunsAtOnce):
            if errors == {waited_for.__name__}:
                raise waited_for(reasons)
        return SelectModelOutput(outcome="failed", reason=reasons)
    run = request.run
    chosen, summary = choose(s3, run, trained)
    storage.write_json(s3, run.uri("training.json"), summary.model_dump(mode="json"))
    return chosen


def choose(s3: S3Client, run: Run, trained: Sequence[TrainedCandidate]) -> tuple[SelectModelOutput, TrainingSummary]:
    """The candidate with the lowest validation loss among those that a run has trained, and its losses."""
    summaries = [
        summarise(*training_curves(s3, run.folder, each.progress.job_arn)) for each in trained if each.progress
    ]
    best = best_candidate(summaries)
    progress, summary = trained[best].progress, summaries[best]
    askable = base_model(run.settings.base_model).answers_text(run.settings.method)
    chosen = SelectModelOutput(
        outcome="trained" if askable else "trained_unmeasurable",
        reason=summary.reason,
        candidate=trained[best].candidate.index,
        model_arn=progress and progress.model_arn,
        model_name=progress and progress.job_name,
        job_arn=progress and progress.job_arn,
        training_loss=summary.training_loss,
        validation_loss=summary.validation_loss,
        overfitting=summary.overfitting,
    )
    return chosen, summary


def _what_happened(each: TrainedCandidate) -> str:
    if each.error:
        return f"{each.error.Error}: {each.error.sentence}"
    if each.progress is None:
        return "it did not start"
    words = each.progress.failure or {
        "Stopped": "somebody stopped the job",
        "Stalled": f"the job did not get beyond {each.progress.phase} in {each.progress.elapsed_seconds // 3600} hours",
    }.get(each.progress.status, "Bedrock gave no reason")
    return f"the job ended {each.progress.status}: {words}"
