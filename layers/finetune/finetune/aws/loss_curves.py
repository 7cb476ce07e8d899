"""The losses that a customization job wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from finetune.aws.storage import keys_under, read
from finetune.domain.customization.loss_curves import Curve, UnreadableMetricsError, read_metrics

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def training_curves(s3: S3Client, folder: str, job_arn: str) -> tuple[Curve | None, Curve | None]:
    """Training and validation losses that the job of a run's folder wrote; None where it wrote none that can be read.

    Their place below the output folder differs by model, their names do not.
    """
    output = f"{folder}/output/model-customization-job-{job_arn.rsplit('/', 1)[-1]}/"
    files = {uri.rsplit("/", 1)[-1]: uri for uri in keys_under(s3, output)}

    def curve(name: str, kind: Literal["training", "validation"]) -> Curve | None:
        try:
            return read_metrics(read(s3, files[name]) or b"", kind)
        except (KeyError, UnreadableMetricsError):
            # A model without readable losses is judged by its answers alone; the summary says "unknown".
            return None

    return curve("step_wise_training_metrics.csv", "training"), curve("validation_metrics.csv", "validation")
