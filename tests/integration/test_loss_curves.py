"""Losses as a job leaves them in its output folder."""

from __future__ import annotations

from finetune.aws.loss_curves import training_curves
from tests.evaluating import Bucket, run


def test_losses_are_found_by_their_names_wherever_the_base_model_leaves_them() -> None:
    bucket, planned = Bucket(), run()
    folder = planned.uri("output/model-customization-job-abc").removeprefix("s3://")
    head = b"step_number,epoch_number,"
    bucket.objects[f"{folder}/any/step_wise_training_metrics.csv"] = head + b"training_loss\n1,0,2.5\n"
    bucket.objects[f"{folder}/other/place/validation_metrics.csv"] = b"not,metrics\n"
    bucket.objects[f"{folder}-2/validation_metrics.csv"] = head + b"validation_loss\n1,0,2.5\n"
    training, validation = training_curves(bucket.client, planned.folder, "arn:job/abc")
    assert training
    assert [point.loss for point in training.points] == [2.5]
    assert validation is None
