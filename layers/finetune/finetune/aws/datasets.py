"""A run's dataset between S3 and the rules: checked where it lies, staged under names that follow from its content."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from finetune.aws import media, storage, trained
from finetune.aws.media import Media
from finetune.aws.trained import Looking
from finetune.contracts import (
    MOST_SHARDS,
    REPORTED_PROBLEMS,
    PrepareDatasetInput,
    PrepareDatasetOutput,
    ValidateDatasetOutput,
)
from finetune.domain import cost
from finetune.domain.billing import limits
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.domain.customization.content import content_of
from finetune.domain.evaluation import expense
from finetune.domain.evaluation.items import EvaluationItem, check_evaluation_set
from finetune.domain.evaluation.llm_judge import prices_of, sample
from finetune.domain.evaluation.promotion import START_HOURS
from finetune.domain.findings import OnFinding
from finetune.domain.json_lines import from_jsonl
from finetune.domain.report import dataset as dataset_page
from finetune.domain.staging.decidable import Decidable, Evidence, stage_decidable, without_trained
from finetune.domain.staging.leaks import leaks
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, Surveys, check_and_survey
from finetune.domain.staging.writer import StagedFile
from finetune.domain.validation import problems
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune.domain.validation.survey import SurveyUnreadable
from finetune.errors import ChampionChanged, DatasetMissing, DatasetUnusable, EvaluationSetInvalid, ValidationSetInvalid
from finetune.messages import not_in_service
from finetune.parts import Shard
from finetune.run import Champion, ObjectVersion, Run
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SURVEYS = DATASET_SURVEY, VALIDATION_SURVEY = "surveys/dataset", "surveys/validation"
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


def _rules(run: Run) -> DatasetRules:
    """What the base model asks of a record, and where its images and videos may be."""
    checks = run.settings.dataset
    return rules_for(
        base_model(run.settings.base_model),
        run.settings.method,
        maximum_records=checks.maximum_records,
        errors=checks.errors,
        media_root=media.folder_of(run),
    )


def validate(s3: S3Client, run: Run) -> ValidateDatasetOutput:
    """Check the dataset and the project's own sets beside it; all findings go to S3, and what the split needs."""
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
            files.keep(run)
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
    (items, _), asked = _evaluation_set(s3, run), evidence_of(settings)
    before = learned_by(s3, run, run.champion) if run.champion else ()
    with _sink() as training, _sink() as validation, _sink() as evaluation:
        sinks = Sinks(training=training, validation=validation, evaluation=evaluation)
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
    taken = _Expense.of(run, from_jsonl(found.evaluation, EvaluationItem))
    estimate = taken.estimate(run, prepared, trains=known.model is None)
    storage.write_json(s3, run.uri("cost.json"), estimate.model_dump(mode="json"))
    output = _output(run, found, uris, estimate, taken)
    earlier = trained.nothing_new(s3, run, known, uris["evaluation"])
    return output.model_copy(update={"claim": known.claim, "model": known.model, "earlier": earlier})


def evidence_of(settings: Settings) -> Evidence:
    """What the settings ask of the split and of the verdict."""
    split = settings.split
    return Evidence(split.validation, split.evaluation, split.seed, settings.gates, settings.metric)


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
    rest, answers = run.settings.budget.limit_usd - (prepared.most_usd or 0), prepared.answers_usd or 0
    if champion and rest < answers * (run.rematches + 1):
        raise ChampionChanged(
            f"Run {champion.run_id} went into service meanwhile, and the rest of {run.limit_name} does not cover to "
            "ask its model too."
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


@dataclass(frozen=True, slots=True)
class _Expense:
    """What the evaluation of these items takes."""

    row: BaseModelRow
    asked: cost.Asked
    hours: cost.Amount

    @classmethod
    def of(cls, run: Run, items: Sequence[EvaluationItem]) -> Self:
        row, settings = base_model(run.settings.base_model), run.settings
        judge = settings.judge
        judged = sample(items, judge.items, settings.split.seed) if judge.model else ()
        in_service = run.champion.endpoint_arn if run.champion else None
        names = expense.paid_by_token(in_service, row.cheapest_endpoint)
        minutes = expense.minutes(
            [shard.count for shard in shards_of(len(items))],
            3 if run.champion else 2,
            len(judged),
            row.requests_per_minute,
        )
        asked = expense.asked(items, names, {item.id for item in judged}, row, settings.inference.max_tokens)
        return cls(row, asked, limits.hours_needed(expense.CREATION_MINUTES, minutes))

    def estimate(self, run: Run, prepared: PreparedDataset, *, trains: bool) -> cost.CostEstimate:
        """The whole run's cost; every candidate trains on the same tokens, unless it `trains` none."""
        settings, by_the_hour = run.settings, self.row.cheapest_endpoint == "provisioned"
        agreed = run.service.covered and "provisioned" in self.row.deployments
        starts = settings.deployment == "provisioned" and agreed and not by_the_hour
        asked = self.asked._replace(hours=self.hours) if by_the_hour else self.asked
        return cost.estimate_run(
            self.row,
            training_tokens=cost.Amount(prepared.training_tokens, prepared.most_training_tokens)
            if trains
            else cost.Amount(0, 0),
            epochs=sum(float(each.hyperparameters.get("epochCount", "1")) for each in run.candidates),
            models=len(run.candidates),
            asked=asked if prepared.evaluation else None,
            prices=settings.prices,
            judge_prices=prices_of(settings.judge),
            start_hours=START_HOURS if starts else 0,
            served=settings.deployment if settings.deployment in self.row.deployments else None,
            sources=run.price_sources,
            units=settings.units,
        )

    def most_usd(self, run: Run) -> float | None:
        """What the answers and ratings cost at most."""
        prices = cost.token_prices(self.row, run.settings.prices)
        return expense.most_usd(self.asked, prices, prices_of(run.settings.judge))


def _agreed(run: Run, estimate: cost.CostEstimate) -> limits.BudgetVerdict:
    """Whether the run stays within its limit, and its model may go into service by the hour if it is to."""
    verdict = limits.within_budget(estimate, run.settings.budget.limit_usd, whose=run.limit_name)
    obstacle = not_in_service(run) if run.settings.deployment == "provisioned" else None
    if obstacle is None or not verdict.within:
        return verdict
    return limits.BudgetVerdict(within=False, reason=f"Its model could be of no use: {obstacle}")


def _output(
    run: Run,
    found: Decidable,
    uris: dict[str, str | None],
    estimate: cost.CostEstimate,
    taken: _Expense,
) -> PrepareDatasetOutput:
    prepared, refused = found.prepared, found.refused
    items = prepared.evaluation.records if prepared.evaluation else 0
    verdict = _agreed(run, estimate)
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


def shards_of(items: int) -> tuple[Shard, ...]:
    """Equal shares of the evaluation set, SHARD_ITEMS each until MOST_SHARDS shares carry them all."""
    size = max(SHARD_ITEMS, -(-items // MOST_SHARDS))
    starts = range(0, items, size)
    return tuple(Shard(index=index, first=first, count=min(size, items - first)) for index, first in enumerate(starts))
