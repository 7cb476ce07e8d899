"""The mail of a run's end: what happened, why, what it cost and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from finetune import letter
from finetune.advice import ADVICE
from finetune.contracts import (
    Failure,
    JudgeEvaluationOutput,
    NotifyInput,
    Outcome,
    PrepareDatasetOutput,
    PromoteModelOutput,
    SelectModelOutput,
)
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import APPROVAL_BOUND
from finetune.domain.evaluation import promotion
from finetune.domain.obstacles import Obstacle, obstacle
from finetune.frozen import Frozen
from finetune.run import Run

# What a person does about a model that was evaluated and not promoted.
_NEXT_STEPS: Mapping[str, str] = {
    "do_not_promote": "Read the answers in the report, mend the dataset where answers are poor and drop it again.",
    "inconclusive": "Add items to the project's evaluation.jsonl, or drop the dataset again if a model did not answer.",
    "not_served": "Nothing, or change deployment in the project's settings.yaml and drop the dataset again.",
}
EXPIRED = f"Nobody answered within {APPROVAL_BOUND.days} days of the mail that asked."
_DEFAULT_ADVICE = "Look at the execution's history, and look up the error's name in docs/troubleshooting.md."


class Standing(Frozen):
    """What stands of a run when its mail is written; `unknown` says what kept Bedrock from telling.

    `promotion` if the run's model is the one that is published. Jobs and endpoints are those that still cost something.
    """

    promotion: PromoteModelOutput | None = None
    jobs: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    unknown: str | None = None


def compose(known: NotifyInput, stands: Standing | None = None) -> letter.Mail:
    """The mail of an outcome: subject in ASCII under 100 characters, body under 8 KiB, never a record or an answer.

    `stands` is what stands of the run now. If its model is the published one, that is what the mail tells, whatever
    happened to the run afterwards.
    """
    stands = stands or Standing()
    paragraphs_of = _OUTCOMES[known.outcome]
    if stands.promotion and known.promotion is None:
        known, paragraphs_of = known.model_copy(update={"promotion": stands.promotion}), _promoted
    headline, paragraphs = paragraphs_of(known, stands)
    where = [f"Run: {known.run.run_id}", f"Files: {known.run.folder}/"] if known.run else []
    where.append(f"Execution: {known.execution_arn}")
    return letter.mail(headline, [*paragraphs, "\n".join(where)])


def failure(known: NotifyInput) -> Failure:
    """The name and the one sentence that the execution fails with."""
    if known.outcome == "ApprovalExpired":
        return Failure(Error="ApprovalExpired", Cause=EXPIRED)
    if known.error:
        return Failure(Error=known.error.Error, Cause=known.error.sentence)
    match known.outcome:
        case "DatasetRejected":
            return Failure(Error="DatasetRejected", Cause=_rejection(known))
        case "BudgetExceeded":
            return Failure(Error="BudgetExceeded", Cause=known.prepared.budget_reason if known.prepared else "")
        case "TrainingFailed":
            return Failure(Error="CustomizationJobFailed", Cause=known.model.reason if known.model else "")
        case _:
            return Failure(Error="", Cause="")


def _project(known: NotifyInput) -> str:
    if known.run:
        return known.run.project
    return PurePosixPath(str((known.request or {}).get("key", ""))).name or "the dropped file"


def _dataset(known: NotifyInput) -> str:
    if known.run:
        return f"Dataset: {known.run.dataset.uri} (version {known.run.dataset.version_id})"
    request = known.request or {}
    return f"Dataset: s3://{request.get('bucket', '?')}/{request.get('key', '?')}"


def _left(known: NotifyInput, stands: Standing) -> str:
    """What of the run still costs something, and who ends it."""
    if stands.unknown:
        return (
            f"Whether a job or an endpoint of this run is left could not be asked ({stands.unknown}). The sweeper "
            "looks every 15 minutes and ends what is left."
        )
    left = [f"the job {name}" for name in stands.jobs] + [f"the endpoint {arn}" for arn in stands.endpoints]
    ending = (
        f"Still being ended: {', '.join(left)}. The sweeper looks every 15 minutes until nothing is left."
        if left
        else "No endpoint and no job of this run is left running."
    )
    return " ".join([ending, *(_kept(known, name) for name in stands.models)])


def _kept(known: NotifyInput, name: str) -> str:
    run = known.run
    price = cost.price(base_model(run.settings.base_model), run.settings.prices, "storage_per_month") if run else None
    month = "" if price is None else f", for ${price:.2f} a month"
    return (
        f"The custom model {name} is kept and billed for storage until it is deleted{month}: "
        f"aws bedrock delete-custom-model --model-identifier {name}"
    )


def _rejection(known: NotifyInput) -> str:
    found = known.validation
    if found is None:
        return "The dataset was rejected."
    first = found.first_problems[0].sentence if found.first_problems else ""
    return f"{letter.count(found.problems, 'problem')} in {letter.count(found.lines, 'line')}; the first: {first}"


def _rejected(known: NotifyInput, _stands: Standing) -> tuple[str, list[str]]:
    found = known.validation
    total = found.problems if found else 0
    problems = [problem.sentence for problem in found.first_problems] if found else []
    more = [f"and {total - len(problems)} more"] if total > len(problems) else []
    return f"Dataset rejected: {_project(known)}", [
        "The dataset was not used: Bedrock would refuse it or train badly on it. Nothing was started or billed.",
        _dataset(known),
        letter.lines(f"What is wrong ({total} in all):", problems + more),
        f"The report: {found.report_uri}. The same folder holds validation.html, for a browser, and problems.jsonl, "
        "which lists the problems by line; should it not hold all, its last line says how many are left out."
        if found
        else "",
        f"What to do: {ADVICE['DatasetRejected']}",
    ]


def _over_budget(known: NotifyInput, _stands: Standing) -> tuple[str, list[str]]:
    return f"Over budget, not started: {_project(known)}", [
        f"The run was not started. {known.prepared.budget_reason if known.prepared else ''}",
        _dataset(known),
        f"What to do: {ADVICE['BudgetExceeded']}",
    ]


def _not_approved(known: NotifyInput, _stands: Standing) -> tuple[str, list[str]]:
    ended = failure(known)
    said = {"ApprovalExpired": "No answer", "ApprovalRejected": "Rejected"}.get(ended.Error, ended.Error)
    return f"{said}, not started: {_project(known)}", [
        f"The run was not started. {ended.Cause}",
        (known.prepared.ask or "") if known.prepared else "",
        _dataset(known),
        "Nothing was billed.",
        f"What to do: {ADVICE.get(ended.Error, _DEFAULT_ADVICE)}",
    ]


def declined(found: JudgeEvaluationOutput | None) -> Failure | None:
    """What came of the question before service instead of a yes, with our names for it."""
    if found is None or found.declined is None:
        return None
    if found.declined.Error == "States.Timeout":
        return Failure(Error="ApprovalExpired", Cause=EXPIRED)
    return Failure(Error=found.declined.Error, Cause=found.declined.sentence)


def _training_failed(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    return f"Training failed: {_project(known)}", [
        f"The model customization job ended without a model. {known.model.reason if known.model else ''}",
        _dataset(known),
        _left(known, stands),
        f"What to do: {ADVICE['CustomizationJobFailed']}",
    ]


def _failed(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    error = known.error or Failure(Error="Unknown", Cause="The execution ended without a reason.")
    if error.Error == "Aborted":
        return _stopped(known, stands, error)
    return f"Run failed ({error.Error}): {_project(known)}", [
        f"{error.Error}: {error.sentence}",
        _dataset(known),
        _left(known, stands),
        f"What to do: {ADVICE.get(error.Error, _DEFAULT_ADVICE)}",
    ]


def _stopped(known: NotifyInput, stands: Standing, error: Failure) -> tuple[str, list[str]]:
    """Stopping an execution is an ordinary way to end a run."""
    return f"Run stopped: {_project(known)}", [
        error.sentence,
        _dataset(known),
        f"{_left(known, stands)} The sweeper also ends, within 30 minutes, what a call that was under way has started.",
        "What was in service before stays in service." if known.run else "",
        f"What to do: {ADVICE['Aborted']}",
    ]


def _refused(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    headline, paragraphs = _failed(known, stands)
    return headline, [*paragraphs[:2], "Nothing was started or billed.", paragraphs[-1]]


def comparison(found: JudgeEvaluationOutput | None) -> str:
    """The scores side by side, and the difference with its interval; empty where nothing was measured."""
    if found is None or found.metric is None:
        return ""
    rows = [
        ("base model", found.base_score),
        ("in service", found.champion_score),
        ("custom model", found.candidate_score),
    ]
    lines = [f"{name:<14}{score:>7.1%}" for name, score in rows if score is not None]
    if found.difference is not None and found.interval:
        low, high = found.interval
        lines.append(f"{'difference':<14}{found.difference * 100:>+6.1f}  ({low * 100:+.1f} to {high * 100:+.1f})")
    return letter.lines(f"{found.metric_title or found.metric} over {found.items} items:", lines)


def _not_scored(known: NotifyInput) -> str:
    if known.prepared is None or not known.prepared.refused_items:
        return ""
    lines = ", ".join(map(str, known.prepared.refused_lines))
    more = known.prepared.refused_items - len(known.prepared.refused_lines)
    return (
        f"Evaluation items not scored, because a contestant was trained on them: {known.prepared.refused_items} "
        f"(line{'s' if known.prepared.refused_items > 1 else ''} {lines}{f' and {more} more' if more else ''})."
    )


def _spent(known: NotifyInput) -> str:
    if known.prepared is None or known.prepared.estimated_usd is None:
        return ""
    return f"Estimated cost of the run: ${known.prepared.estimated_usd:.2f}."


def _promoted(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    promotion, found = known.promotion, known.evaluation
    return f"Model promoted: {_project(known)}", [
        found.reason if found else "",
        comparison(found),
        _not_scored(known),
        f"In service: {promotion.endpoint_arn}\nPublished as: {promotion.parameter}" if promotion else "",
        _cost_of_service(known),
        _not_finished(known, stands),
        _forgotten(known),
        _spent(known),
        f"Report: {found.report_uri if found else known.run.uri('report.html')}" if known.run else "",
        "What to do: nothing. Applications that read the published parameter use the new model from now on.",
    ]


def _cost_of_service(known: NotifyInput) -> str:
    if known.promotion and known.promotion.kind == "provisioned":
        return "It is provisioned throughput without commitment and is billed by the hour until it is deleted."
    return "It is an on-demand deployment: it is billed by the token and costs nothing while idle."


def _not_finished(known: NotifyInput, stands: Standing) -> str:
    """What went wrong after the model was in service, and what is left of the run beside it."""
    after = f"After that the run ended early: {known.error.sentence}" if known.error else ""
    return " ".join(filter(None, (after, _left(known, stands) if stands.jobs or stands.endpoints else "")))


def _forgotten(known: NotifyInput) -> str:
    promotion = known.promotion
    if promotion is None:
        return ""
    deleted = letter.lines("Custom models deleted according to retention.models:", promotion.deleted_models)
    problem = f"Old custom models could not all be deleted: {promotion.retention_problem}"
    return "\n".join(
        text for text, said in ((deleted, promotion.deleted_models), (problem, promotion.retention_problem)) if said
    )


def _not_promoted(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    found, refused = known.evaluation, declined(known.evaluation)
    inconclusive = found is not None and found.decision == "inconclusive"
    return f"{'Inconclusive, not promoted' if inconclusive else 'Model not promoted'}: {_project(known)}", [
        found.reason if found else "",
        f"It was not put into service ({refused.Error}). {refused.Cause}" if refused else "",
        comparison(found),
        _not_scored(known),
        f"{_left(known, stands.model_copy(update={'models': ()}))} What was in service before stays in service.",
        kept(known.run, known.model) if known.run and known.model else "",
        _spent(known),
        f"Report: {found.report_uri}" if found else "",
        f"What to do: {_next_step(known)}",
    ]


def kept(run: Run, model: SelectModelOutput) -> str:
    """That a model stays although it was not promoted, and what that costs; empty when there is none."""
    if model.model_name is None:
        return ""
    month = cost.price(base_model(run.settings.base_model), run.settings.prices, "storage_per_month")
    price = "" if month is None else f", for ${month:.2f} a month"
    return f"The custom model {model.model_name} is kept and billed for storage until it is deleted{price}."


def not_evaluated(prepared: PrepareDatasetOutput, model: SelectModelOutput) -> Obstacle:
    """What kept the run's model from being evaluated."""
    return obstacle(
        answers_text=model.outcome != "trained_unmeasurable",
        items=prepared.evaluation_items,
        refused=prepared.refused_items,
    )


def _next_step(known: NotifyInput) -> str:
    found = known.evaluation
    if found is None:
        return _DEFAULT_ADVICE
    if refused := declined(found):
        return ADVICE.get(refused.Error, _DEFAULT_ADVICE)
    if found.metric is None and known.prepared and known.model:
        return not_evaluated(known.prepared, known.model).advice
    settings = known.run.settings if known.run else None
    way = settings and promotion.not_served(base_model(settings.base_model), settings.deployment)
    return _NEXT_STEPS["not_served" if way and found.reason.endswith(way) else found.decision]


_OUTCOMES: Mapping[Outcome, Callable[[NotifyInput, Standing], tuple[str, list[str]]]] = {
    "RequestRefused": _refused,
    "DatasetRejected": _rejected,
    "BudgetExceeded": _over_budget,
    "ApprovalExpired": _not_approved,
    "ApprovalRejected": _not_approved,
    "TrainingFailed": _training_failed,
    "RunFailed": _failed,
    "ModelNotPromoted": _not_promoted,
    "ModelPromoted": _promoted,
}
