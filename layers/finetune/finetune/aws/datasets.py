"""A run's dataset between S3 and the rules: checked where it lies, staged under names that follow from its content."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from finetune.aws import looks, media, monthly, runs, storage, trained
from finetune.aws.allowance import limit_name, limit_of
from finetune.aws.media import Media
from finetune.aws.trained import Looking
from finetune.contracts import (
    REPORTED_PROBLEMS,
    PrepareDatasetInput,
    PrepareDatasetOutput,
    ValidateDatasetOutput,
)
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.customization.content import content_of
from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.findings import OnFinding
from finetune.domain.json_lines import from_jsonl
from finetune.domain.report import dataset as dataset_page
from finetune.domain.staging.decidable import Decidable, Evidence, items_alone, stage_decidable, without_trained
from finetune.domain.staging.leaks import leaks
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, Surveys, check_and_survey
from finetune.domain.staging.writer import StagedFile
from finetune.domain.validation import problems
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.domain.validation.survey import SurveyUnreadable
from finetune.errors import ChampionChanged, DatasetMissing, DatasetUnusable, EvaluationSetInvalid, ValidationSetInvalid
from finetune.estimate import Expense, agreed, shards_of
from finetune.run import Champion, ObjectVersion, Run
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SURVEYS = DATASET_SURVEY, VALIDATION_SURVEY = "surveys/dataset", "surveys/validation"
# Below this a file is made in memory, above it on the function's disk.
IN_MEMORY_BYTES = 64 * 1024 * 1024
SURVEY_UNREADABLE = (
    "What Validate Dataset left in {folder} for the split cannot be read; this pipeline was deployed again since then. "
    "Drop the dataset again."
)
LEARNED_UNKNOWN = (
    "The custom model was trained elsewhere, so evaluation items that it was trained on could not be looked for."
)
LEARNED_GONE = (
    "The training data of run {run}, whose model is in service, is not kept here, so evaluation items that it was "
    "trained on could not be looked for."
)


def _suffix(version: ObjectVersion) -> str:
    return PurePosixPath(version.key).suffix.lower()


def _rules(run: Run) -> DatasetRules:
    """What the base model asks of a record, and where its images and videos may be."""
    checks = run.settings.dataset
    return rules_for(
        base_model(run.settings.base_model),
        run.settings.method,
        maximum_records=checks.maximum_records,
        errors=checks.errors,
        columns=checks.columns.named,
        media_root=media.folder_of(run),
    )


def validate(s3: S3Client, run: Run) -> ValidateDatasetOutput:
    """Check the dataset and the project's own sets beside it; all findings go to S3, and what the split needs."""
    if run.evaluate:
        return _validate_items(s3, run)
    files = Media(s3, media.folder_of(run))
    rules = replace(_rules(run), media_size=files.size)
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
        validated = _validated(s3, run, report, found)
        name, model = PurePosixPath(run.dataset.key).name, base_model(run.settings.base_model).name
        page = dataset_page.render(report, name=name, base_model=model, elsewhere=found.sentence)
        storage.write(s3, run.uri("validation.html"), page.encode("utf-8", "replace"), "text/html; charset=utf-8")
        if report.accepted:
            _require_accepted(of_items, run.evaluation_set, EvaluationSetInvalid)
            _require_accepted(of_validation, run.validation_set, ValidationSetInvalid)
            _keep(s3, run.uri(DATASET_SURVEY), dataset)
            _keep(s3, run.uri(VALIDATION_SURVEY), validation)
            files.keep(run)
    return validated


def _validate_items(s3: S3Client, run: Run) -> ValidateDatasetOutput:
    """Check the evaluation set of a run that trains nothing."""
    with storage.growing(s3, run.uri(problems.NAME), "application/jsonl") as file:
        found = problems.Problems(file)
        _, report = _evaluation_set(s3, run, found.of("evaluation"))
        found.finish()
    if report is None:
        raise EvaluationSetInvalid(f"Project {run.project} has no evaluation set.")
    validated = _validated(s3, run, report, found)
    _require_accepted(report, run.evaluation_set, EvaluationSetInvalid)
    return validated


def _validated(s3: S3Client, run: Run, report: DatasetReport, found: problems.Problems) -> ValidateDatasetOutput:
    uri = run.uri("validation.json")
    storage.write_json(s3, uri, {**report.as_dict(), "complete_list": found.as_dict()})
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
            f"{version.shown} has {count:,} problem{'s' if count != 1 else ''}: {first}; "
            f"{problems.NAME} in the run's folder lists all of them by line."
        )


def _keep(s3: S3Client, uri: str, file: BinaryIO) -> None:
    file.seek(0)
    storage.upload(s3, uri, file, "application/octet-stream")


def prepare(by: Looking, request: PrepareDatasetInput) -> PrepareDatasetOutput:
    """Convert, split and stage the dataset, and say what the whole run would cost and whether it can decide.

    What was trained before is neither staged nor paid for again.
    """
    s3, run, settings = by.s3, request.run, request.run.settings
    items, _ = _evaluation_set(s3, run)
    asked = evidence_of(settings, look=looks.foreseen(s3, run, items) if items else 1)
    before = learned_by(s3, run, run.champion) if run.champion else ()
    with _sink() as training, _sink() as validation, _sink() as evaluation:
        sinks = Sinks(training=training, validation=validation, evaluation=evaluation)
        found = _decidable(s3, run, items, before, sinks, asked)
        prepared = found.prepared
        if run.champion and not before and prepared.evaluation:
            found = found.noted(LEARNED_GONE.format(run=run.champion.run_id))
        known = trained.look(by, run, _content(run, prepared))
        trainer = known.model.trained_by if known.model else None
        if trainer:
            own = (storage.lines(s3, uri) for uri in _staged_by(s3, run, trainer, "training"))
            found = without_trained(found, own, _rules(run), asked)
        prepared, refused = found.prepared, found.refused
        learned = _beside_media(run, run.folder) if prepared.media else run.folder
        uris = {
            name: _stage(s3, f"{folder}/staged/{name}", staged, sink)
            for name, folder, staged, sink in (
                *(() if trainer else _to_train(learned, prepared, training, validation)),
                ("evaluation", run.folder, prepared.evaluation, BytesIO(found.evaluation)),
            )
        }
    for name in ("training", "validation") if trainer else ():
        uris[name] = next(iter(_staged_by(s3, run, trainer or "", name)), None)
    listed = [asdict(leak) for leak in refused]
    told = {"refused_items": listed, "forecast": found.forecast.model_dump()}
    storage.write_json(s3, run.uri("prepared.json"), {**prepared.as_dict(), **told})
    taken = Expense.of(run, from_jsonl(found.evaluation, EvaluationItem))
    estimate = taken.estimate(run, prepared, trains=known.model is None)
    storage.write_json(s3, run.uri("cost.json"), estimate.model_dump(mode="json"))
    output = _output(run, found, uris, estimate, taken)
    earlier = trained.nothing_new(s3, run, known, uris["evaluation"])
    output = output.model_copy(update={"claim": known.claim, "model": known.model, "earlier": earlier})
    return monthly.within(s3, by.stepfunctions, run, output, most_usd=_with_rematches(run, output))


def _with_rematches(run: Run, prepared: PrepareDatasetOutput) -> float:
    """What a run may cost within its limit if it is compared anew as often as may be."""
    anew = runs.MOST_REMATCHES * (prepared.answers_usd or 0)
    return min(run.settings.budget.limit_usd, (prepared.most_usd or 0) + anew)


def _decidable(
    s3: S3Client, run: Run, items: tuple[EvaluationItem, ...], before: Sequence[str], sinks: Sinks, asked: Evidence
) -> Decidable:
    """The dataset staged into files, or the evaluation set alone; `before` is what the model in service learned."""
    if run.evaluate:
        return items_alone(items, (storage.lines(s3, uri) for uri in before), _rules(run), asked, LEARNED_UNKNOWN)
    with ExitStack() as opened:
        try:
            found = stage_decidable(
                _inputs(s3, run, items),
                _rules(run),
                lambda: Surveys(*(opened.enter_context(storage.opened(s3, run.uri(name))) for name in SURVEYS)),
                sinks,
                asked,
                learned=lambda: (storage.lines(s3, uri) for uri in before),
            )
        except SurveyUnreadable as error:
            raise DatasetMissing(SURVEY_UNREADABLE.format(folder=run.uri("surveys/"))) from error
    prepared = found.prepared
    if prepared.problems or prepared.training is None:
        left = "; ".join(problem.sentence for problem in prepared.problems) or "nothing is left to train on"
        raise DatasetUnusable(f"{run.dataset.shown}: after duplicates and leaks are removed, {left}")
    return found


def evidence_of(settings: Settings, look: int = 1) -> Evidence:
    """What the settings ask of the split, and of the verdict at that look at its set."""
    split = settings.split
    return Evidence(split.validation, split.evaluation, split.seed, settings.gates.at(look), settings.metric)


def _content(run: Run, prepared: PreparedDataset) -> str:
    """What the run's training is known by."""
    return content_of(
        training=prepared.training.sha256 if prepared.training else "",
        validation=prepared.validation.sha256 if prepared.validation else None,
        base_model=run.settings.base_model,
        method=run.settings.method,
        hyperparameters=[each.hyperparameters for each in run.candidates],
    )


def _staged_by(s3: S3Client, run: Run, folder: str, name: str) -> tuple[str, ...]:
    """The URIs of what the run of a folder has staged under a name."""
    place = f"{folder}/staged/{name}-"
    return tuple(uri for each in (place, _beside_media(run, place)) for uri in storage.keys_under(s3, each))


def learned_by(s3: S3Client, run: Run, champion: Champion) -> tuple[str, ...]:
    """The URIs of what the model in service was trained on, which another run may have done than the one promoted."""
    folder = f"{run.project_folder}/{champion.run_id}"
    told = trained.trained_by(s3, folder)
    return _staged_by(s3, run, told.folder if told else folder, "training")


def require_comparable(s3: S3Client, run: Run, prepared: PrepareDatasetOutput, champion: Champion | None) -> None:
    """ChampionChanged when a model that went into service since was trained on items, or to ask it is not paid for.

    A run that resumes this one leaves such items out, and has a budget of its own.
    """
    rest, answers = limit_of(run, prepared) - (prepared.most_usd or 0), prepared.answers_usd or 0
    if champion and rest < answers * (run.rematches + 1):
        raise ChampionChanged(
            f"Run {champion.run_id} went into service meanwhile, and the rest of {limit_name(run, prepared)} does not "
            "cover to ask its model too."
        )
    items = from_jsonl(storage.read(s3, prepared.evaluation_uri or "") or b"", EvaluationItem)
    learned = learned_by(s3, run, champion) if champion else ()
    if champion and leaks(items, [("champion", storage.lines(s3, uri)) for uri in learned]):
        raise ChampionChanged(
            f"Run {champion.run_id} went into service meanwhile, and its model was trained on some of the evaluation "
            "items."
        )


def _to_train(
    folder: str, prepared: PreparedDataset, training: BinaryIO, validation: BinaryIO
) -> tuple[tuple[str, str, StagedFile | None, BinaryIO], ...]:
    return ("training", folder, prepared.training, training), ("validation", folder, prepared.validation, validation)


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


def _output(
    run: Run,
    found: Decidable,
    uris: dict[str, str | None],
    estimate: cost.CostEstimate,
    taken: Expense,
) -> PrepareDatasetOutput:
    prepared, refused = found.prepared, found.refused
    items = prepared.evaluation.records if prepared.evaluation else 0
    verdict = agreed(run, estimate)
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
        most_usd=None if estimate.unknown else estimate.most_usd,
        answers_usd=taken.most_usd(run),
        throughput_hours=int(taken.hours.most),
        bill=estimate.said,
        within_budget=verdict.within,
        budget_reason=verdict.reason,
        shards=shards_of(items),
        verdict_possible=found.forecast.possible,
        forecast=found.forecast.sentence,
        ask=cost.ask_before_training(estimate.total_usd, run.settings.budget.approve_above_usd),
    )
