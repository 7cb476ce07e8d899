"""A run's dataset between S3 and the rules: checked where it lies, staged under names that follow from its content."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from finetune.aws import media, storage
from finetune.contracts import (
    MOST_SHARDS,
    REPORTED_PROBLEMS,
    PrepareDatasetInput,
    PrepareDatasetOutput,
    Shard,
    ValidateDatasetOutput,
)
from finetune.domain import cost
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.evaluation.llm_judge import prices_of
from finetune.domain.findings import OnFinding
from finetune.domain.json_lines import from_jsonl
from finetune.domain.report import dataset as dataset_page
from finetune.domain.staging.leaks import Leak, TrainedBy, leaks, without
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, Surveys, check_and_survey, stage_dataset
from finetune.domain.staging.writer import StagedFile
from finetune.domain.validation import problems
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.domain.validation.survey import SurveyUnreadable
from finetune.errors import DatasetMissing, DatasetUnusable, EvaluationSetInvalid, ValidationSetInvalid
from finetune.run import ObjectVersion, Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATASET_SURVEY, VALIDATION_SURVEY = "surveys/dataset", "surveys/validation"
SHARD_ITEMS = 25
# Below this a file is made in memory, above it on the function's disk.
IN_MEMORY_BYTES = 64 * 1024 * 1024
SURVEY_UNREADABLE = (
    "What Validate Dataset left in {folder} for the split cannot be read; this pipeline was deployed again since then. "
    "Drop the dataset again."
)
LEARNED_GONE = (
    "The training data of run {run}, whose model is in service, is no longer kept, so evaluation items that it was "
    "trained on could not be looked for."
)


def _suffix(version: ObjectVersion) -> str:
    return PurePosixPath(version.key).suffix.lower()


def _rules(run: Run, s3: S3Client | None = None) -> DatasetRules:
    """What the base model asks of a record; with S3 also of the images and videos that it refers to."""
    root = f"s3://{run.dataset.bucket}/projects/"
    checks = run.settings.dataset
    rules = rules_for(
        base_model(run.settings.base_model),
        run.settings.method,
        maximum_records=checks.maximum_records,
        errors=checks.errors,
        media_root=root,
    )
    return replace(rules, media_size=media.size_of(s3, root)) if s3 else rules


def validate(s3: S3Client, run: Run) -> ValidateDatasetOutput:
    """Check the dataset and the project's own sets beside it; all findings go to S3, and what the split needs."""
    rules = _rules(run, s3)
    with _sink() as dataset, _sink() as validation:
        surveys = Surveys(dataset, validation)
        with storage.growing(s3, run.uri(problems.NAME), "application/jsonl") as file:
            found = problems.Problems(file)
            items, of_items = _evaluation_set(s3, run, found.of("evaluation"))
            report, of_validation = check_and_survey(
                _inputs(s3, run, items),
                rules,
                run.settings.split.seed,
                surveys,
                on_finding={"training": found.of("dataset"), "validation": found.of("validation")},
            )
            found.finish()
        uri = run.uri("validation.json")
        storage.write_json(s3, uri, {**report.as_dict(), "complete_list": found.as_dict()})
        name, model = PurePosixPath(run.dataset.key).name, base_model(run.settings.base_model).name
        page = dataset_page.render(report, name=name, base_model=model, elsewhere=found.sentence)
        storage.write(s3, run.uri("validation.html"), page.encode("utf-8", "replace"), "text/html; charset=utf-8")
        if report.accepted:
            _require_accepted(of_items, run.evaluation_set, EvaluationSetInvalid)
            _require_accepted(of_validation, run.validation_set, ValidationSetInvalid)
            _keep(s3, run.uri(DATASET_SURVEY), dataset)
            _keep(s3, run.uri(VALIDATION_SURVEY), validation)
    return ValidateDatasetOutput(
        accepted=report.accepted,
        format=report.format,
        lines=report.lines,
        records=report.records,
        problems=sum(report.counts.errors.values()),
        warnings=sum(report.counts.warnings.values()),
        counts={**report.counts.errors, **report.counts.warnings},
        first_problems=report.problems[:REPORTED_PROBLEMS],
        report_uri=uri,
    )


def _inputs(s3: S3Client, run: Run, items: tuple[EvaluationItem, ...]) -> Inputs:
    own = run.validation_set
    return Inputs(
        lambda: storage.stream(s3, run.dataset),
        _suffix(run.dataset),
        evaluation_items=items,
        validation=(lambda: storage.stream(s3, own)) if own else None,
    )


def _evaluation_set(
    s3: S3Client, run: Run, on_finding: OnFinding | None = None
) -> tuple[tuple[EvaluationItem, ...], DatasetReport | None]:
    """The items of the project's own evaluation set and what is wrong with others; none and None when it has no set."""
    if run.evaluation_set is None:
        return (), None
    return check_evaluation_set(storage.stream(s3, run.evaluation_set), on_finding=on_finding)


def _require_accepted(
    report: DatasetReport | None,
    version: ObjectVersion | None,
    error: type[EvaluationSetInvalid | ValidationSetInvalid],
) -> None:
    if report and version and not report.accepted:
        first = "; ".join(problem.sentence for problem in report.problems[:5])
        count = sum(report.counts.errors.values())
        raise error(
            f"{version.uri} has {count:,} problem{'s' if count != 1 else ''}: {first}; "
            f"{problems.NAME} in the run's folder lists all of them by line."
        )


def _keep(s3: S3Client, uri: str, file: BinaryIO) -> None:
    file.seek(0)
    storage.upload(s3, uri, file, "application/octet-stream")


def prepare(s3: S3Client, request: PrepareDatasetInput) -> PrepareDatasetOutput:
    """Convert, split and stage the dataset, and say what the whole run would cost."""
    run, settings = request.run, request.run.settings
    row, (items, _) = base_model(settings.base_model), _evaluation_set(s3, run)
    shares = Shares(settings.split.validation, settings.split.evaluation, settings.gates.minimum_items)
    with _sink() as training, _sink() as validation, _sink() as evaluation:
        sinks = Sinks(training=training, validation=validation, evaluation=evaluation)
        with (
            storage.opened(s3, run.uri(DATASET_SURVEY)) as of_dataset,
            storage.opened(s3, run.uri(VALIDATION_SURVEY)) as of_validation,
        ):
            surveys = Surveys(of_dataset, of_validation)
            try:
                prepared = stage_dataset(_inputs(s3, run, items), _rules(run), shares, surveys, sinks)
            except SurveyUnreadable as error:
                raise DatasetMissing(SURVEY_UNREADABLE.format(folder=run.uri("surveys/"))) from error
        if prepared.problems or prepared.training is None:
            left = "; ".join(problem.sentence for problem in prepared.problems) or "nothing is left to train on"
            raise DatasetUnusable(f"{run.dataset.uri}: after duplicates and leaks are removed, {left}")
        prepared, unseen, refused = _unseen(s3, run, prepared, training, evaluation)
        learned = _beside_media(run, run.folder) if prepared.media else run.folder
        uris = {
            name: _stage(s3, f"{folder}/staged/{name}", staged, sink)
            for name, folder, staged, sink in (
                ("training", learned, prepared.training, training),
                ("validation", learned, prepared.validation, validation),
                ("evaluation", run.folder, prepared.evaluation, unseen),
            )
        }
    listed = [asdict(leak) for leak in refused]
    storage.write_json(s3, run.uri("prepared.json"), {**prepared.as_dict(), "refused_items": listed})
    estimate = _estimate(run, row, prepared)
    storage.write_json(s3, run.uri("cost.json"), estimate.model_dump(mode="json"))
    return _output(run, prepared, refused, uris, estimate)


def _unseen(
    s3: S3Client, run: Run, prepared: PreparedDataset, training: BinaryIO, evaluation: BinaryIO
) -> tuple[PreparedDataset, BinaryIO, tuple[Leak, ...]]:
    """The evaluation set without the items that the candidate or the champion is trained on, and those items."""
    evaluation.seek(0)
    training.seek(0)
    items = from_jsonl(evaluation.read(), EvaluationItem)
    if not items:
        return prepared, evaluation, ()
    trained: list[tuple[TrainedBy, Iterable[bytes]]] = [("candidate", training)]
    if run.champion:
        before = f"{run.folder.rpartition('/')[0]}/{run.champion.run_id}/staged/training-"
        places = before, _beside_media(run, before)
        learned = [storage.lines(s3, uri) for place in places for uri in storage.keys_under(s3, place)]
        trained += [("champion", lines) for lines in learned]
        if not learned:
            note = LEARNED_GONE.format(run=run.champion.run_id)
            prepared = replace(prepared, notes=(*prepared.notes, note))
    refused = leaks(items, trained)
    if not refused:
        return prepared, evaluation, ()
    staged, data = without(items, refused, _rules(run))
    return replace(prepared, evaluation=staged), BytesIO(data), refused


def _sink() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))


def _beside_media(run: Run, uri: str) -> str:
    """The same key in the dataset bucket, where the images and videos are.

    Nova's documentation asks that media and the file that refers to them are in one bucket.
    """
    return f"s3://{run.dataset.bucket}/{storage.split_uri(uri)[1]}"


def _stage(s3: S3Client, prefix: str, staged: StagedFile | None, sink: BinaryIO) -> str | None:
    """Write once under a name that follows from the content: what was validated is what is trained."""
    if staged is None:
        return None
    uri = f"{prefix}-{staged.sha256[:16]}.jsonl"
    sink.seek(0)
    storage.upload_once(s3, uri, sink, "application/jsonl")
    return uri


def _estimate(run: Run, row: BaseModelRow, prepared: PreparedDataset) -> cost.CostEstimate:
    """The whole run's cost; every candidate trains on the same tokens."""
    items, judge = prepared.evaluation.records if prepared.evaluation else 0, run.settings.judge
    return cost.estimate_run(
        row,
        training_tokens=prepared.training_tokens,
        epochs=sum(float(each.hyperparameters.get("epochCount", "1")) for each in run.candidates),
        evaluation_items=items,
        contestants=3 if run.champion else 2,
        endpoint=row.cheapest_endpoint if items else None,
        prices=run.settings.prices,
        judged_items=min(items, judge.items) if judge.model else 0,
        judge_prices=prices_of(judge),
    )


def _output(
    run: Run,
    prepared: PreparedDataset,
    refused: tuple[Leak, ...],
    uris: dict[str, str | None],
    estimate: cost.CostEstimate,
) -> PrepareDatasetOutput:
    items = prepared.evaluation.records if prepared.evaluation else 0
    verdict = cost.within_budget(estimate, run.settings.budget.limit_usd)
    return PrepareDatasetOutput(
        training_uri=uris["training"] or "",
        validation_uri=uris["validation"],
        evaluation_uri=uris["evaluation"],
        training_records=prepared.training.records if prepared.training else 0,
        validation_records=prepared.validation.records if prepared.validation else 0,
        evaluation_items=items,
        duplicates=prepared.accounting.duplicates,
        leaked=prepared.accounting.leaked,
        refused_items=len(refused),
        refused_lines=tuple(leak.line for leak in refused[:REPORTED_PROBLEMS]),
        training_tokens=prepared.training_tokens,
        estimated_usd=None if estimate.unknown else estimate.total_usd,
        within_budget=verdict.within,
        budget_reason=verdict.reason,
        shards=shards_of(items),
        ask=cost.ask_before_training(estimate.total_usd, run.settings.budget.approve_above_usd),
    )


def shards_of(items: int) -> tuple[Shard, ...]:
    """Equal shares of the evaluation set, SHARD_ITEMS each until MOST_SHARDS shares carry them all."""
    size = max(SHARD_ITEMS, -(-items // MOST_SHARDS))
    starts = range(0, items, size)
    return tuple(Shard(index=index, first=first, count=min(size, items - first)) for index, first in enumerate(starts))
