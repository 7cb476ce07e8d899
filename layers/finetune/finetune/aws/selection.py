"""Which of the trained candidates goes on to the evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import storage
from finetune.aws.loss_curves import training_curves
from finetune.contracts import SelectModelInput, SelectModelOutput, TrainedCandidate
from finetune.domain.catalog import base_model
from finetune.domain.customization.loss_curves import best_candidate, summarise
from finetune.errors import QuotaExceeded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def select_model(s3: S3Client, request: SelectModelInput) -> SelectModelOutput:
    """The candidate with the lowest validation loss; `failed` with the service's words when none was trained.

    QuotaExceeded when there was room for no candidate's job.
    """
    trained = [each for each in request.candidates if each.progress and each.progress.status == "Completed"]
    if not trained:
        reasons = "; ".join(f"candidate {each.candidate.index}: {_what_happened(each)}" for each in request.candidates)
        if all(each.error and each.error.Error == QuotaExceeded.__name__ for each in request.candidates):
            raise QuotaExceeded(reasons)
        return SelectModelOutput(outcome="failed", reason=reasons)
    run = request.run
    summaries = [summarise(*training_curves(s3, run, each.progress.job_arn)) for each in trained if each.progress]
    best = best_candidate(summaries)
    chosen, summary = trained[best].progress, summaries[best]
    storage.write_json(s3, run.uri("training.json"), summary.model_dump(mode="json"))
    askable = base_model(run.settings.base_model).answers_text(run.settings.method)
    return SelectModelOutput(
        outcome="trained" if askable else "trained_unmeasurable",
        reason=summary.reason,
        candidate=trained[best].candidate.index,
        model_arn=chosen and chosen.model_arn,
        model_name=chosen and chosen.job_name,
        job_arn=chosen and chosen.job_arn,
        training_loss=summary.training_loss,
        validation_loss=summary.validation_loss,
        overfitting=summary.overfitting,
    )


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
