"""The verdict on a run: measured from the answers it kept, with a report that holds everything it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import storage
from finetune.aws.customization import training_curves
from finetune.aws.inference import answers_uri, contestants
from finetune.contracts import JudgeEvaluationInput, JudgeEvaluationOutput
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.evaluation import Answer, Evaluation, answers_from_jsonl, judge
from finetune.domain.evaluation_set import EvaluationItem, from_jsonl
from finetune.domain.promotion import settle
from finetune.domain.report import ReportData, render
from finetune.domain.training import TrainingSummary, summarise

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOT_EVALUATED = (
    "The custom model was trained but not evaluated: {why}. It is kept; a person decides what to do with it."
)


def judge_evaluation(s3: S3Client, request: JudgeEvaluationInput) -> JudgeEvaluationOutput:
    """Decide, write evaluation.json and report.html, and return the decision with its figures."""
    items = from_jsonl(storage.read(s3, request.prepared.evaluation_uri or "") or b"") if request.endpoint else ()
    answers = _answers(s3, request)
    training = summarise(*training_curves(s3, request.run, request.model.job_arn or ""))
    evaluation = _verdict(request, items, answers, training)
    if evaluation:
        storage.write_json(s3, request.run.uri("evaluation.json"), evaluation.model_dump(mode="json"))
    report_uri = request.run.uri("report.html")
    page = render(_report(s3, request, items, answers, evaluation))
    storage.write(s3, report_uri, page.encode("utf-8", "replace"), "text/html; charset=utf-8")
    return _output(request, evaluation, report_uri)


def _answers(s3: S3Client, request: JudgeEvaluationInput) -> dict[str, dict[str, Answer]]:
    """Every kept answer by contestant and item."""
    if request.endpoint is None:
        return {}
    return {
        contestant: {
            answer.id: answer
            for shard in request.shards
            for answer in answers_from_jsonl(storage.read(s3, answers_uri(request.run, contestant, shard.index)) or b"")
        }
        for contestant in contestants(request.run, request.endpoint.arn)
    }


def _verdict(
    request: JudgeEvaluationInput,
    items: tuple[EvaluationItem, ...],
    answers: dict[str, dict[str, Answer]],
    training: TrainingSummary,
) -> Evaluation | None:
    if not items:
        return None
    settings = request.run.settings
    evaluation = judge(
        items, answers, gates=settings.gates, seed=settings.split.seed, metric=settings.metric, training=training
    )
    return settle(evaluation, row=base_model(settings.base_model), deployment=settings.deployment)


def _why_not_evaluated(request: JudgeEvaluationInput) -> str:
    if request.model.outcome == "trained_unmeasurable":
        return f"{base_model(request.run.settings.base_model).name} does not answer a prompt with text"
    return (
        "there were no evaluation items, neither an evaluation.jsonl of the project nor enough records to hold some out"
    )


def _report(
    s3: S3Client,
    request: JudgeEvaluationInput,
    items: tuple[EvaluationItem, ...],
    answers: dict[str, dict[str, Answer]],
    evaluation: Evaluation | None,
) -> ReportData:
    run, prepared = request.run, request.prepared
    row = base_model(run.settings.base_model)
    curves = training_curves(s3, run, request.model.job_arn or "")
    estimate = storage.read(s3, run.uri("cost.json"))
    return ReportData(
        project=run.project,
        run_id=run.run_id,
        created=run.run_id,
        base_model=row.name,
        evaluation=evaluation,
        note=NOT_EVALUATED.format(why=_why_not_evaluated(request)),
        items=items,
        answers=answers,
        training=summarise(*curves),
        curves=tuple(curve for curve in curves if curve),
        cost=cost.CostEstimate.model_validate_json(estimate) if estimate else None,
        break_even=cost.break_even(row, prices=run.settings.prices),
        dataset={
            "Records in the dataset": request.validation.records,
            "Staged for training": prepared.training_records,
            "Staged for validation": prepared.validation_records,
            "Evaluation items": prepared.evaluation_items,
            "Removed as duplicates": prepared.duplicates,
            "Removed because they leak": prepared.leaked,
            "Warnings": request.validation.warnings,
        },
        lineage={
            "Dataset": f"{run.dataset.uri} (version {run.dataset.version_id})",
            "Training data": prepared.training_uri,
            "Base model": row.id,
            "Hyperparameters": ", ".join(f"{name} {value}" for name, value in _hyperparameters(request).items()),
            "Custom model": request.model.model_arn or "",
            "Customization job": request.model.job_arn or "",
            "Execution": run.execution_arn,
        },
    )


def _hyperparameters(request: JudgeEvaluationInput) -> dict[str, str]:
    chosen = [each for each in request.run.candidates if each.index == request.model.candidate]
    return chosen[0].hyperparameters if chosen else {}


def _output(request: JudgeEvaluationInput, evaluation: Evaluation | None, report_uri: str) -> JudgeEvaluationOutput:
    if evaluation is None:
        return JudgeEvaluationOutput(
            decision="inconclusive",
            reason=NOT_EVALUATED.format(why=_why_not_evaluated(request)),
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
        base_score=scores.get("base"),
        candidate_score=scores.get("candidate"),
        champion_score=scores.get("champion"),
        difference=to_base.difference.mean if to_base else None,
        interval=(to_base.difference.low, to_base.difference.high) if to_base else None,
        items=evaluation.items,
        provision=request.run.settings.deployment == "provisioned" and served_by != "provisioned",
        report_uri=report_uri,
    )
