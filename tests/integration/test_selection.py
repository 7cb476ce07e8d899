"""Which candidate goes on, what its losses say, and what is said when none was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from finetune.aws.selection import select_model
from finetune.contracts import CheckCustomizationOutput, SelectModelInput, TrainedCandidate
from finetune.errors import FineTuneError, QuotaExceeded, TooManyRunsAtOnce
from finetune.parts import Failure
from finetune.run import Candidate
from tests.evaluating import Bucket, run

CANVAS = "amazon.nova-canvas-v1:0"


def metrics(kind: str, *losses: float) -> bytes:
    """A metrics file as the service writes it."""
    rows = [f"{10 * number},{number},{loss},2.0" for number, loss in enumerate(losses, 1)]
    return "\n".join([f"step_number,epoch_number,{kind}_loss,perplexity", *rows]).encode()


def job(index: int, status: str = "Completed", **more: Any) -> TrainedCandidate:
    """A candidate whose job came this far."""
    progress = {
        "job_name": f"shop-c{index}",
        "job_arn": f"arn:job/{index}",
        "status": status,
        "phase": "finishing",
        "elapsed_seconds": 90_000,
        "wait_seconds": 30,
        "model_arn": f"arn:model/{index}" if status == "Completed" else None,
    }
    return TrainedCandidate(
        candidate=candidate(index), progress=CheckCustomizationOutput.model_validate(progress | more)
    )


def candidate(index: int) -> Candidate:
    return Candidate(index=index, name=f"shop-c{index}", hyperparameters={})


def wrote(losses: Mapping[int, tuple[float, ...]]) -> Bucket:
    """A bucket with the metrics files of jobs by number; their place below the output folder differs by model."""
    bucket, folder = Bucket(), run().uri("output").removeprefix("s3://")
    for index, own in losses.items():
        where = f"{folder}/model-customization-job-{index}"
        bucket.objects[f"{where}/training_artifacts/step_wise_training_metrics.csv"] = metrics("training", *own)
        bucket.objects[f"{where}/validation_artifacts/any/validation_metrics.csv"] = metrics("validation", *own)
    return bucket


def select(bucket: Bucket, *candidates: TrainedCandidate, **settings: Any) -> Any:
    return select_model(bucket.client, SelectModelInput(run=run(settings=settings), candidates=candidates))


def test_the_candidate_with_the_lowest_validation_loss_goes_on_with_its_job_and_its_losses() -> None:
    bucket = wrote({1: (2.0, 1.5), 2: (2.0, 0.9), 3: (2.0, 1.2)})
    found = select(bucket, job(1), job(2), job(3))
    assert (found.outcome, found.candidate) == ("trained", 2)
    assert (found.model_arn, found.model_name, found.job_arn) == ("arn:model/2", "shop-c2", "arn:job/2")
    assert (found.training_loss, found.validation_loss, found.overfitting) == (0.9, 0.9, "none")
    kept = json.loads(bucket.objects[run().uri("training.json").removeprefix("s3://")])
    assert (kept["validation_loss"], kept["reason"]) == (0.9, found.reason)


def test_a_candidate_that_failed_does_not_keep_another_from_going_on() -> None:
    failed = TrainedCandidate(candidate=candidate(1), error=Failure(Error="ServiceRefused", Cause="no"))
    assert select(wrote({3: (1.0,)}), failed, job(2, "Failed"), job(3)).candidate == 3


def test_a_model_whose_losses_cannot_be_read_goes_on_and_nothing_is_claimed_of_them() -> None:
    bucket = wrote({1: (1.0,)})
    for name in bucket.objects:
        bucket.objects[name] = b"no,metrics\n"
    for found in (select(bucket, job(1)), select(Bucket(), job(1))):
        assert (found.outcome, found.training_loss, found.overfitting) == ("trained", None, "unknown")


def test_a_model_that_answers_with_pictures_is_trained_and_cannot_be_measured() -> None:
    found = select(wrote({1: (1.0,)}), job(1), base_model=CANVAS)
    assert (found.outcome, found.model_arn) == ("trained_unmeasurable", "arn:model/1")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (job(1, "Failed", failure="Bad data."), "the job ended Failed: Bad data."),
        (job(1, "Failed"), "the job ended Failed: Bedrock gave no reason"),
        (job(1, "Stopped"), "the job ended Stopped: somebody stopped the job"),
        (
            job(1, "Stalled", phase="data processing"),
            "the job ended Stalled: the job did not get beyond data processing in 25 hours",
        ),
        (TrainedCandidate(candidate=candidate(1)), "it did not start"),
        (
            TrainedCandidate(candidate=candidate(1), error=Failure(Error="X", Cause='{"errorMessage": "No quota."}')),
            "X: No quota.",
        ),
    ],
)
def test_without_a_trained_candidate_the_reason_of_each_is_given_and_nothing_is_written(
    ended: TrainedCandidate, words: str
) -> None:
    bucket = Bucket()
    found = select(bucket, ended, job(2, "Stopped"))
    assert found.outcome == "failed"
    assert found.reason == f"candidate 1: {words}; candidate 2: the job ended Stopped: somebody stopped the job"
    assert (found.candidate, found.model_arn, bucket.objects) == (None, None, {})


@pytest.mark.parametrize("error", [QuotaExceeded, TooManyRunsAtOnce])
def test_what_no_candidate_had_room_for_is_the_error_and_where_one_had_room_it_is_not(
    error: type[FineTuneError],
) -> None:
    name = error.__name__
    full = [
        TrainedCandidate(candidate=candidate(index), error=Failure(Error=name, Cause="10 jobs run."))
        for index in (1, 2)
    ]
    with pytest.raises(error, match=rf"^candidate 1: {name}: 10 jobs run\.; candidate 2: {name}"):
        select(Bucket(), *full)
    assert select(Bucket(), full[0], job(2, "Failed")).outcome == "failed"
