"""The verdict on a run: measured from the answers it kept, with a report that holds everything it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import orjson

from finetune.aws import answers, looks, storage, trained
from finetune.aws.inference import Contestant, contestants
from finetune.aws.llm_judge import judged, judgements
from finetune.aws.loss_curves import training_curves
from finetune.contracts import JudgeEvaluationInput, JudgeEvaluationOutput, PrepareDatasetOutput
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import planned_at
from finetune.domain.customization.loss_curves import Curve, TrainingSummary, summarise
from finetune.domain.evaluation import llm_judge
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.human_review import form
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import JudgeReport
from finetune.domain.evaluation.looks import look_at
from finetune.domain.evaluation.metrics import primary_metric
from finetune.domain.evaluation.own_scores import answers_table
from finetune.domain.evaluation.promotion import settle
from finetune.domain.evaluation.verdict import Evaluation, decide
from finetune.domain.json_lines import from_jsonl
from finetune.domain.report.run import ReportData, render
from finetune.domain.similarity.identity import LIKENESSES
from finetune.messages import not_evaluated, not_in_service
from finetune.parts import Failure
from finetune.remains import kept_after
from finetune.run import Run
from finetune.version import code_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOT_EVALUATED = "The custom model was trained but not evaluated: {why}."


def judge_evaluation(s3: S3Client, request: JudgeEvaluationInput) -> JudgeEvaluationOutput:
    """Decide, write evaluation.json, the tables for reviewers and report.html, and return the decision with figures."""
    staged = storage.read(s3, request.prepared.evaluation_uri or "") if request.endpoint else None
    items = from_jsonl(staged or b"", EvaluationItem)
    given = _answers(s3, request)
    curves = training_curves(s3, request.model.trained_by or request.run.folder, request.model.job_arn or "")
    evaluation = _verdict(s3, request, items, given, summarise(*curves))
    if evaluation:
        storage.write_json(s3, request.run.uri("evaluation.json"), evaluation.model_dump(mode="json"))
        for name, table in (
            ("human-review.csv", form(items, given, evaluation)),
            ("answers.csv", answers_table(items, given, evaluation)),
        ):
            storage.write(s3, request.run.uri(name), table, "text/csv; charset=utf-8")
    report_uri = request.run.uri("report.html")
    page = render(_report(s3, request, items, given, evaluation, curves))
    storage.write(s3, report_uri, page.encode("utf-8", "replace"), "text/html; charset=utf-8")
    verdict = _output(request, evaluation, report_uri)
    if request.obstacle is None and _all_answered(items, given):
        trained.note_verdict(s3, request.run, request.model, request.prepared.evaluation_uri, verdict)
    return verdict


def _all_answered(items: tuple[EvaluationItem, ...], given: Mapping[str, Mapping[str, Answer]]) -> bool:
    """Whether every contestant gave every answer; a verdict without some may be another one the next time."""
    return all(len(answers.reusable(by_item)) == len(items) for by_item in given.values())


def _answers(s3: S3Client, request: JudgeEvaluationInput) -> dict[str, dict[str, Answer]]:
    """Every kept answer by contestant and item."""
    return {
        contestant.name: {
            key: answer
            for shard in request.shards
            for key, answer in answers.load(s3, answers.uri(request.run, contestant.name, shard.index)).items()
        }
        for contestant in _contestants(request)
    }


def _contestants(request: JudgeEvaluationInput) -> tuple[Contestant, ...]:
    return contestants(request.run, request.endpoint, request.model) if request.endpoint else ()


def _verdict(
    s3: S3Client,
    request: JudgeEvaluationInput,
    items: tuple[EvaluationItem, ...],
    given: dict[str, dict[str, Answer]],
    training: TrainingSummary,
) -> Evaluation | None:
    if not items:
        return None
    settings = request.run.settings
    row = base_model(settings.base_model)
    evaluation = decide(
        items,
        given,
        gates=settings.gates,
        seed=settings.split.seed,
        metric=settings.metric,
        training=training,
        judged=_judge_report(s3, request, items, given),
        look=_look(s3, request, items),
        prices={
            one.name: cost.token_prices(row, settings.prices)
            for one in _contestants(request)
            # What is measured on throughput for want of a place is still served by the token.
            if one.paid_by_token or (one.name == "candidate" and settings.deployment == "on_demand")
        },
    )
    return settle(evaluation, not_in_service(request.run))


def _look(s3: S3Client, request: JudgeEvaluationInput, items: tuple[EvaluationItem, ...]) -> int:
    """Which look at this set it is; it is written down before anything is known of its verdict."""
    metric = request.run.settings.metric or primary_metric(items)
    look = look_at(items, model=request.model.model_arn or request.run.run_id, metric=metric)
    return looks.written_down(s3, request.run, look)


def _judge_report(
    s3: S3Client,
    request: JudgeEvaluationInput,
    items: tuple[EvaluationItem, ...],
    given: dict[str, dict[str, Answer]],
) -> JudgeReport | None:
    settings = request.run.settings.judge
    if settings.model is None:
        return None
    return llm_judge.report(
        [one for shard in request.shards for one in judgements(s3, request.run, shard.index)],
        settings,
        asked=judged(request.run, items, items, given),
        before="champion" if request.run.champion else "base",
        prices=llm_judge.prices_of(settings),
    )


def _not_evaluated(request: JudgeEvaluationInput) -> str:
    why = not_evaluated(request.prepared, request.model).why
    said = Failure(Error="", Cause=request.obstacle).sentence if request.obstacle else ""
    return NOT_EVALUATED.format(why=f"{why} ({said.rstrip('.')})" if said else why)


def _note(request: JudgeEvaluationInput) -> str:
    """What stands in the verdict's place: why there is none, what became of the model, and what to do."""
    advice = not_evaluated(request.prepared, request.model).advice
    return " ".join(filter(None, (_not_evaluated(request), kept_after(request.run, request.model), advice)))


def _report(
    s3: S3Client,
    request: JudgeEvaluationInput,
    items: tuple[EvaluationItem, ...],
    given: dict[str, dict[str, Answer]],
    evaluation: Evaluation | None,
    curves: tuple[Curve | None, Curve | None],
) -> ReportData:
    run, row = request.run, base_model(request.run.settings.base_model)
    estimate = storage.read(s3, run.uri("cost.json"))
    return ReportData(
        project=run.project,
        run_id=run.run_id,
        created=planned_at(run.run_id),
        base_model=row.name,
        evaluation=evaluation,
        note=_note(request),
        items=items,
        answers=given,
        training=summarise(*curves),
        curves=tuple(curve for curve in curves if curve),
        cost=cost.CostEstimate.model_validate_json(estimate) if estimate else None,
        break_even=cost.break_even(row, prices=run.settings.prices, input_share=_input_share(evaluation)),
        dataset=_dataset(s3, request),
        lineage=_lineage(request),
    )


def _dataset(s3: S3Client, request: JudgeEvaluationInput) -> dict[str, int | str]:
    prepared = request.prepared
    told = orjson.loads(storage.read(s3, request.run.uri("prepared.json")) or b"{}")
    summary: dict[str, int | str] = {
        "Records in the dataset": request.validation.records,
        "Staged for training": prepared.training_records,
        "Staged for validation": prepared.validation_records,
        "Evaluation items": prepared.evaluation_items,
        "Removed as duplicates": prepared.duplicates,
        "Removed from training, asked in the evaluation": prepared.leaked,
        "Evaluation items refused, trained on": _refused(prepared, told.get("refused_items", ())),
        "Warnings": request.validation.warnings,
    }
    return summary | ({"Notes": " ".join(told["notes"])} if told.get("notes") else {})


def _refused(prepared: PrepareDatasetOutput, leaks: Iterable[Mapping[str, str]]) -> str:
    """How many items are not scored, how like the training data they are, and the first of their lines."""
    if not prepared.refused_items:
        return "0"
    count = Counter(leak["likeness"] for leak in leaks)
    kinds = ", ".join(f"{count[kind]} {kind}" for kind in LIKENESSES if count[kind])
    lines = ", ".join(map(str, prepared.refused_lines))
    more = prepared.refused_items - len(prepared.refused_lines)
    named = f"line{'s' if prepared.refused_items > 1 else ''} {lines}{f' and {more} more' if more else ''}"
    return f"{prepared.refused_items} ({'; '.join(filter(None, (kinds, named)))})"


def _lineage(request: JudgeEvaluationInput) -> dict[str, str]:
    """What the model came from and what judged it, each by a name that stands for one content."""
    run, prepared, model = request.run, request.prepared, request.model
    pinned = {"Dataset": run.dataset, "Evaluation set": run.evaluation_set, "Validation set": run.validation_set}
    staged = {
        "Training data": prepared.training_uri,
        "Validation data": prepared.validation_uri,
        "Evaluation items": prepared.evaluation_uri,
    }
    lineage = {
        **{name: f"{found.uri} (version {found.version_id})" for name, found in pinned.items() if found},
        **{name: f"{uri} (sha256 {_content_hash(uri)}\u2026)" for name, uri in staged.items() if uri},
        "Base model": base_model(run.settings.base_model).id,
        "Method": run.settings.method,
        "Hyperparameters": ", ".join(f"{name} {value}" for name, value in _hyperparameters(request).items()),
        "Trained by": f"{model.trained_by}/" if model.trained_by else "",
        "Customization job": model.job_arn or "",
        "Custom model": model.model_arn or "",
        "Execution": run.execution_arn,
        "Code": f"{code_name()}\u2026",
    }
    return {name: value for name, value in lineage.items() if value}


def _content_hash(uri: str) -> str:
    """The digits that Prepare Dataset put into a staged file's name."""
    return uri.rpartition("-")[2].removesuffix(".jsonl")


def _hyperparameters(request: JudgeEvaluationInput) -> dict[str, str]:
    chosen = [each for each in request.run.candidates if each.index == request.model.candidate]
    return chosen[0].hyperparameters if chosen else {}


def _output(request: JudgeEvaluationInput, evaluation: Evaluation | None, report_uri: str) -> JudgeEvaluationOutput:
    if evaluation is None:
        return JudgeEvaluationOutput(
            decision="inconclusive",
            reason=_not_evaluated(request),
            metric=None,
            base_score=None,
            candidate_score=None,
            champion_score=None,
            difference=None,
            interval=None,
            items=0,
            provision=False,
            report_uri=report_uri,
        )
    scores = {name: each.get(evaluation.metric) for name, each in evaluation.scores.items()}
    to_base = evaluation.against("base")
    served_by = request.endpoint.kind if request.endpoint else None
    return JudgeEvaluationOutput(
        decision=evaluation.decision,
        reason=evaluation.reason,
        metric=evaluation.metric,
        metric_title=evaluation.metric_title,
        base_score=scores.get("base"),
        candidate_score=scores.get("candidate"),
        champion_score=scores.get("champion"),
        difference=to_base.difference.mean if to_base else None,
        interval=(to_base.difference.low, to_base.difference.high) if to_base else None,
        items=evaluation.items,
        provision=served_by != request.run.settings.deployment,
        service=request.run.service,
        report_uri=report_uri,
        notes=(*evaluation.notes, evaluation.look_told),
        ask=_ask(request.run) if evaluation.decision == "promote" else None,
        break_even=_break_even(request.run, evaluation),
    )


def _break_even(run: Run, evaluation: Evaluation) -> str:
    """From how many calls on throughput is the cheaper way to serve the model, by the tokens that its answers took."""
    used = evaluation.usage.get("candidate")
    row, prices = base_model(run.settings.base_model), run.settings.prices
    return (
        cost.worth_of_throughput(row, prices, used.input_tokens, used.output_tokens, run.settings.units) if used else ""
    )


def _input_share(evaluation: Evaluation | None) -> float:
    """The share of prompts among the tokens of the model's answers; about as usual where it gave none."""
    used = evaluation and evaluation.usage.get("candidate")
    every = used.input_tokens + used.output_tokens if used else 0
    return used.input_tokens / every if used and every else cost.USUAL_INPUT_SHARE


def _ask(run: Run) -> str | None:
    """Why a person is asked before the model goes into service."""
    if not run.service_is_asked:
        return None
    return cost.ask_before_service(run.service.usd_per_hour, run.settings.budget.service_usd_per_month)
