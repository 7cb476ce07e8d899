"""Runs customization jobs: three phases on the service clock, real reads and writes in S3 as the job's own role."""

import csv
import io
import logging
import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.bedrock import training
from local.bedrock.data_rules import DataRefused, Pair, Record, check_counts, read_records
from local.bedrock.errors import cannot_read
from local.bedrock.records import PHASES, CustomModel, Job, Phase, PhaseStatus
from local.bedrock.world import World

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

VALIDATION_MINUTES, PROCESSING_MINUTES, STOPPING_MINUTES, MODEL_MINUTES = 3.0, 4.0, 1.0, 1.0
USUAL_RECORD_PASSES = 10_000
LONGEST_POLL_SECONDS = 0.02
MEDIA_LOOKED_AT = 20
WITHHELD_SHARE = 10
UNEXPECTED = "Encountered an unexpected error when processing the request. Try again, or contact AWS Support."

# Where the validation metrics lie differs by family; the training metrics are always in the same place.
_VALIDATION_METRICS = {
    "amazon.nova": "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv",
    "meta.": "validation_artifacts/validation_metrics.csv",
    "": "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
}
_TRAINING_METRICS = "training_artifacts/step_wise_training_metrics.csv"


class _JobFailedError(Exception):
    """The job ends as Failed with this message."""


class _JobStoppedError(Exception):
    """Somebody stopped the job."""


class _ClosingError(Exception):
    """The emulator shuts down, the job stays as it is."""


@dataclass
class _Data:
    """`records` as delivered; `learned` are those that the service did not withhold for `validation`."""

    records: list[Record]
    learned: list[Record]
    validation: list[Record]

    @property
    def tokens(self) -> int:
        return sum(record.tokens for record in self.records)


def _pairs(records: list[Record]) -> list[Pair]:
    return [pair for record in records for pair in record.pairs]


def start(world: World, job: Job) -> None:
    """Run a job in a thread of its own."""
    threading.Thread(target=JobRun(world, job).run, name=job.name, daemon=True).start()


class JobRun:
    """One job from its validation to its end."""

    def __init__(self, world: World, job: Job) -> None:
        self._world = world
        self._job = job
        self._s3_client: S3Client | None = None
        self._data: _Data | None = None
        self._prefix = f"model-customization-job-{job.id}"

    def run(self) -> None:
        """Every way a job can end, and what it leaves behind."""
        try:
            self._train()
        except _ClosingError:
            return
        except _JobStoppedError:
            self._stop()
        except (_JobFailedError, DataRefused) as error:
            self._fail(str(error))
        except Exception:
            log.exception("Customization job %s met a defect of the emulator", self._job.arn)
            self._fail(UNEXPECTED)

    def _train(self) -> None:
        validated = self._job.created_at + timedelta(minutes=VALIDATION_MINUTES)
        self._enter("validationDetails")
        try:
            with self._world.clock.working():
                data = self._data = self._validated()
        finally:
            self._wait_until(validated)  # a refusal, too, takes its time
        self._leave("validationDetails")

        processed = validated + timedelta(minutes=PROCESSING_MINUTES)
        self._enter("dataProcessingDetails")
        self._wait_until(processed)
        self._leave("dataProcessingDetails")

        if self._world.faults.take("stall-job"):
            self._wait_until(None)
        self._enter("trainingDetails")
        trained = processed + timedelta(minutes=self._training_minutes(data))
        self._suffer_half_way(processed + (trained - processed) / 2)
        with self._world.clock.working():
            curves = training.train_apart(self._task(data))
        self._wait_until(trained)
        self._complete(data, curves)

    # Phase 1: the data

    def _validated(self) -> _Data:
        fault = self._world.faults.take("reject-data")
        if fault:
            raise DataRefused(
                fault.words or "Unable to parse Amazon S3 file: the data does not conform to JSONL format."
            )
        job, row = self._job, self._job.row
        self._write(".write_access_check_file.temp", b"")
        uris = [item["s3Uri"] for item in job.request.get("validationDataConfig", {}).get("validators", [])]
        method = job.customization_type
        records = read_records(self._read(job.request["trainingDataConfig"]["s3Uri"]), self._training_uri, row, method)
        validation = [record for uri in uris for record in read_records(self._read(uri), uri, row, method)]
        check_counts(len(records), len(validation), row, method)
        self._look_at_media({uri: most for each in (*records, *validation) for uri, most in each.media.items()})
        accepted = {"accepted": len(records) + len(validation), "rejected": 0}
        self._report("input_status/training/manifest.report.csv", list(accepted), [list(accepted.values())])
        if row.validation == "unsupported" and row.answers_text(method) and len(records) > WITHHELD_SHARE:
            learned = [record for number, record in enumerate(records) if number % WITHHELD_SHARE]
            return _Data(records, learned, records[::WITHHELD_SHARE])
        return _Data(records, records, validation)

    @property
    def _training_uri(self) -> str:
        return str(self._job.request["trainingDataConfig"]["s3Uri"])

    def _look_at_media(self, media: dict[str, int]) -> None:
        job, bucket = self._job, self._training_uri.split("/")[2]
        elsewhere = [uri for uri in media if uri.split("/")[2] != bucket]
        # The documentation of image generation names no such rule.
        if elsewhere and job.row.methods[job.customization_type].record_format == "conversation":
            raise DataRefused(f"The file {elsewhere[0]} is not in the bucket {bucket} of the training data.")
        for uri, most in islice(media.items(), MEDIA_LOOKED_AT):
            if (size := len(self._read(uri))) > most:
                raise DataRefused(f"The file {uri} has {size} bytes and exceeds the maximum of {most} bytes.")

    # Phase 3: training

    def _training_minutes(self, data: _Data) -> float:
        epochs = self._epochs(len(data.records))
        share = 0.7 + 0.3 * min(10.0, len(data.records) * epochs / USUAL_RECORD_PASSES)
        return max(1.0, self._job.row.job_minutes - VALIDATION_MINUTES - PROCESSING_MINUTES) * share

    def _epochs(self, records: int) -> int:
        values = self._job.hyperparameters
        if "stepCount" in values:
            steps = int(values["stepCount"]) if values["stepCount"].isdigit() else 500
            return max(1, min(10, math.ceil(steps * int(values["batchSize"]) / records)))
        return int(values["epochCount"]) if values["epochCount"].isdigit() else 5

    def _task(self, data: _Data) -> training.Task:
        values, rules = self._job.hyperparameters, self._job.row.hyperparameters
        name = next(name for name in ("learningRate", "learningRateMultiplier") if name in values)
        rate = float(values[name]) / float(rules[name].default)
        return training.Task(
            training=_pairs(data.learned),
            validation=_pairs(data.validation),
            epochs=self._epochs(len(data.records)),
            batch_size=int(values["batchSize"]),
            rate=min(20.0, max(0.01, rate)),
            warmup_steps=int(values.get("learningRateWarmupSteps", "0")),
        )

    def _suffer_half_way(self, half: datetime) -> None:
        fails, stops = self._world.faults.take("fail-job"), self._world.faults.take("stop-job")
        if fails or stops:
            self._wait_until(half)
        if fails:
            raise _JobFailedError(fails.words or UNEXPECTED)
        if stops:
            raise _JobStoppedError

    # Ends

    def _complete(self, data: _Data, curves: training.Curves) -> None:
        measured = not self._world.faults.take("no-metrics")
        if measured:
            self._write_metrics(_TRAINING_METRICS, "training_loss", curves.training)
            if curves.validation:
                self._write_metrics(self._validation_metrics, "validation_loss", curves.validation)
        epochs = self._epochs(len(data.records))
        with self._world.lock:
            now, job = self._world.now(), self._job
            if job.stop_requested:
                raise _JobStoppedError
            self._leave("trainingDetails")
            job.tokens_per_epoch, job.epochs_trained = data.tokens, epochs
            if measured:
                last = [loss for _, epoch, loss in curves.training if epoch == curves.training[-1][1]]
                job.training_loss = sum(last) / len(last)
                job.validation_losses = [curves.validation[-1][2]] if curves.validation else None
            job.model_arn = self._new_model(data, now)
            job.status, job.ended_at, job.changed_at = "Completed", now, now

    def _new_model(self, data: _Data, now: datetime) -> str:
        world, job = self._world, self._job
        parent = world.state.models.get(job.parent_model_arn or "")
        never = world.faults.take("model-not-active")
        model = CustomModel(
            arn=world.arn("custom-model", job.base_model_id, job.id),
            name=job.request["customModelName"],
            created_at=now,
            request={},
            job_arn=job.arn,
            job_name=job.name,
            base_model_id=job.base_model_id,
            customization_type=job.customization_type,
            active_at=None if never else now + timedelta(minutes=MODEL_MINUTES),
            fails=world.faults.take("model-fails") is not None,
            pairs=[*(parent.pairs if parent else []), *_pairs(data.learned)],
        )
        world.state.models[model.arn] = model
        world.tag(model.arn, job.request.get("customModelTags"))
        return model.arn

    def _stop(self) -> None:
        job = self._job
        with self._world.lock:
            running = self._running_phases()
            for phase in running:
                self._leave(phase, "Stopping")
            job.status, job.changed_at = "Stopping", self._world.now()
            self._count_tokens_so_far()
            stopped = self._world.now() + timedelta(minutes=STOPPING_MINUTES)
        try:
            self._wait_until(stopped, stoppable=False)
        except _ClosingError:
            return
        with self._world.lock:
            for phase in running:
                self._leave(phase, "Stopped")
            now = self._world.now()
            job.status, job.ended_at, job.changed_at = "Stopped", now, now

    def _count_tokens_so_far(self) -> None:
        """A stopped job is billed for what it processed: the share of its training time that has passed."""
        started = self._job.phases["trainingDetails"].started_at
        if self._data and started:
            minutes = (self._world.now() - started).total_seconds() / 60
            share = min(1.0, minutes / self._training_minutes(self._data))
            self._job.tokens_per_epoch = self._data.tokens
            self._job.epochs_trained = share * self._epochs(len(self._data.records))

    def _fail(self, message: str) -> None:
        with self._world.lock:
            for phase in self._running_phases():
                self._leave(phase, "Failed")
            now, job = self._world.now(), self._job
            job.status, job.failure, job.ended_at, job.changed_at = "Failed", message[:2048], now, now

    def _running_phases(self) -> list[Phase]:
        return [name for name in PHASES if self._job.phases[name].status == "InProgress"]

    # Time

    def _enter(self, phase: Phase) -> None:
        with self._world.lock:
            now, record = self._world.now(), self._job.phases[phase]
            record.status, record.started_at, record.changed_at = "InProgress", now, now
            self._job.changed_at = now

    def _leave(self, phase: Phase, status: PhaseStatus = "Completed") -> None:
        with self._world.lock:
            now, record = self._world.now(), self._job.phases[phase]
            record.status, record.changed_at, self._job.changed_at = status, now, now

    def _wait_until(self, moment: datetime | None, *, stoppable: bool = True) -> None:
        """Wait for a service time (None: for ever), unless somebody stops the job or the emulator closes."""
        while True:
            if self._world.closing.is_set():
                raise _ClosingError
            if stoppable and self._job.stop_requested:
                raise _JobStoppedError
            left = (moment - self._world.now()).total_seconds() if moment else math.inf
            if left <= 0:
                return
            self._world.closing.wait(min(LONGEST_POLL_SECONDS, self._world.clock.real_seconds(left)))

    # S3, as the job's role

    def _s3(self) -> "S3Client":
        if self._s3_client is None:
            self._s3_client = self._world.s3_for_role(self._job.request["roleArn"])
        return self._s3_client

    def _read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return self._s3().get_object(Bucket=bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            log.info("Customization job %s cannot read its input: %s", self._job.name, error)
            raise _JobFailedError(cannot_read(self._job.request["roleArn"], uri).message) from error

    def _write(self, name: str, body: bytes) -> None:
        uri = str(self._job.request["outputDataConfig"]["s3Uri"]).rstrip("/")
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        key = "/".join(part for part in (prefix, name) if part)
        try:
            self._s3().put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            log.info("Customization job %s cannot write its output: %s", self._job.name, error)
            raise _JobFailedError(
                f"Could not validate PutObject permissions to access Amazon S3 bucket: {bucket} at key {key} "
                f"with Amazon Bedrock service role: {self._job.request['roleArn']}."
            ) from error

    @property
    def _validation_metrics(self) -> str:
        return next(path for family, path in _VALIDATION_METRICS.items() if self._job.base_model_id.startswith(family))

    def _write_metrics(self, path: str, column: str, rows: list[tuple[int, int, float]]) -> None:
        header = ["step_number", "epoch_number", column, "perplexity"]
        self._report(path, header, [[step, epoch, loss, math.exp(min(loss, 700.0))] for step, epoch, loss in rows])

    def _report(self, path: str, header: list[str], rows: list[list[int | float]] | list[list[int]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows([header, *rows])
        self._write(f"{self._prefix}/{path}", text.getvalue().encode())
