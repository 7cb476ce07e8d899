"""The mail of a run's end: what happened, why, what it cost and what to do next."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from finetune import earlier, letter, remains
from finetune.advice import ADVICE
from finetune.contracts import JudgeEvaluationOutput, NotifyInput, PrepareDatasetOutput, SelectModelOutput
from finetune.domain import cost
from finetune.domain.catalog import base_model
from finetune.domain.customization.jobs import APPROVAL_BOUND
from finetune.domain.evaluation import promotion
from finetune.domain.obstacles import Obstacle, obstacle
from finetune.foreign import block, foreign, led
from finetune.parts import Failure, Outcome
from finetune.remains import Standing
from finetune.run import Run

# What a person does about a model that was evaluated and not promoted.
_NEXT_STEPS: Mapping[str, str] = {
    "do_not_promote": "Read the answers in the report, mend the dataset where answers are poor and drop it again.",
    "inconclusive": "Add items to the project's evaluation.jsonl, or drop the dataset again if a model did not answer.",
    "elsewhere": "Nothing, or read the answers in the report and train the model further where they are poor.",
    "not_served": "Nothing, or change deployment in the project's settings.yaml and drop the dataset again.",
}
# What makes a run cheaper, by what most of its cost is; for storage there is nothing.
_CHEAPER: Mapping[str, str] = {
    "training": ", or train on fewer records or epochs",
    "evaluation: provisioned": ", make the evaluation set smaller, or use a base model that is served on demand",
    "evaluation": ", or make the evaluation set smaller",
    "judge": ", or lower judge.items",
    "throughput until": ", or set deployment: on_demand",
}
EXPIRED = f"Nobody answered within {APPROVAL_BOUND.days} days of the mail that asked."
_DEFAULT_ADVICE = "Look at the execution's history, and look up the error's name in docs/troubleshooting.md."


def compose(known: NotifyInput, stands: Standing | None = None) -> letter.Mail:
    """The mail of an outcome: subject in ASCII under 100 characters, body under 8 KiB, never a record or an answer.

    `stands` is what stands of the run now. If its model is the published one, that is what the mail tells, whatever
    happened to the run afterwards.
    """
    if stands is None:
        name, arn = (known.model.model_name, known.model.model_arn) if known.model else (None, None)
        stands = Standing(models={name: arn} if name and arn else {})
    paragraphs_of = _OUTCOMES[known.outcome]
    if stands.promotion and known.promotion is None:
        known, paragraphs_of = known.model_copy(update={"promotion": stands.promotion}), _promoted
    headline, paragraphs = paragraphs_of(known, stands)
    where = [f"Run: {known.run.run_id}", f"Files: {known.run.folder}/"] if known.run else []
    where.append(f"Execution: {known.execution_arn}")
    return letter.mail(headline, [*paragraphs, block(*where)])


def failure(known: NotifyInput) -> Failure:
    """The name and the one sentence that the execution fails with."""
    if known.outcome == "ApprovalExpired":
        return Failure(Error="ApprovalExpired", Cause=EXPIRED)
    if known.error:
        return Failure(Error=known.error.Error, Cause=known.error.sentence)
    prepared, model = known.prepared, known.model
    causes = {
        "DatasetRejected": ("DatasetRejected", _rejection(known)),
        "BudgetExceeded": ("BudgetExceeded", prepared.budget_reason if prepared else ""),
        "NoVerdictPossible": ("NoVerdictPossible", prepared.forecast if prepared else ""),
        "TrainingFailed": ("CustomizationJobFailed", model.reason if model else ""),
    }
    error, cause = causes.get(known.outcome, ("", ""))
    return Failure(Error=error, Cause=cause)


def _project(known: NotifyInput) -> str:
    if known.run:
        return known.run.project
    return foreign(PurePosixPath(str((known.request or {}).get("key", ""))).name) or "the dropped file"


def _dataset(known: NotifyInput) -> str:
    if known.run and known.run.evaluate:
        used = known.run.dataset
        return block(f"Model: {known.run.evaluate}", f"Evaluation set: {used.shown} (version {used.version_id})")
    if known.run:
        return f"Dataset: {known.run.dataset.shown} (version {known.run.dataset.version_id})"
    request = known.request or {}
    return f"Dataset: {foreign(f's3://{request.get("bucket", "?")}/{request.get("key", "?")}')}"


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
        "Nothing was billed.",
        letter.lines("What it would have cost:", known.prepared.bill) if known.prepared and known.prepared.bill else "",
        _dataset(known),
        led("What to do:", _over_budget_advice(known)),
    ]


def _over_budget_advice(known: NotifyInput) -> str:
    obstacle = known.run and not_in_service(known.run)
    if known.run and known.prepared and obstacle and obstacle in known.prepared.budget_reason:
        return _how_to_agree(known.run)
    if known.prepared and "budget.project_usd_per_month" in known.prepared.budget_reason:
        return (
            "Wait for the project's runs that go on, or for the next month, and drop the dataset again, or raise "
            "budget.project_usd_per_month in its settings.yaml."
        )
    reason = known.prepared.budget_reason if known.prepared else ""
    if "a price is unknown" in reason:
        return "Set the named prices in the project's settings.yaml, or use a base model whose prices are known."
    raised = "Raise budget.limit_usd in the project's settings.yaml"
    if known.run and known.run.limit_name != "budget.limit_usd":
        raised = "Have the stack deployed with a higher MostUsdPerRun; no settings.yaml can raise that limit"
    cheaper = next((less for most, less in _CHEAPER.items() if f"most of it is {most}" in reason), "")
    return f"{raised}{cheaper}."


def _undecidable(known: NotifyInput, _stands: Standing) -> tuple[str, list[str]]:
    return f"No verdict possible, not started: {_project(known)}", [
        "The run was not started: it is known already that it could not tell whether its model is better. Nothing was "
        "started or billed.",
        known.prepared.forecast if known.prepared else "",
        _dataset(known),
        _not_scored(known),
        f"What to do: {ADVICE['NoVerdictPossible']}",
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


def _nothing_new(known: NotifyInput, _stands: Standing) -> tuple[str, list[str]]:
    found, stack = known.prepared.earlier if known.prepared else None, letter.of_execution(known.execution_arn)
    told = earlier.nothing_new(found, _project(known), stack) if found else (f"What to do: {_DEFAULT_ADVICE}",)
    why, *more = told
    return f"Nothing new: {_project(known)}", [why, _dataset(known), *more]


def _training_failed(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    return f"Training failed: {_project(known)}", [
        f"The model customization job ended without a model. {known.model.reason if known.model else ''}",
        _dataset(known),
        remains.left(stands),
        remains.kept(known, stands),
        remains.spent(known, stands),
        f"What to do: {ADVICE['CustomizationJobFailed']}",
    ]


def _failed(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    error = known.error or Failure(Error="Unknown", Cause="The execution ended without a reason.")
    if error.Error == "Aborted":
        return _stopped(known, stands, error)
    return f"Run failed ({error.Error}): {_project(known)}", [
        f"{error.Error}: {error.sentence}",
        _dataset(known),
        remains.left(stands),
        remains.kept(known, stands),
        remains.spent(known, stands),
        earlier.resumable(known, known.run, trained=stands.resumable),
        f"What to do: {_advice(error.Error, resumable=stands.resumable)}",
    ]


def _advice(error: str, *, resumable: bool) -> str:
    """What to do about an error; a run whose model is there is resumed and not dropped again."""
    advice = ADVICE.get(error, _DEFAULT_ADVICE)
    if not resumable:
        return advice
    return advice.replace("Drop the dataset again", "Resume the run").replace(
        "drop the dataset again", "resume the run"
    )


def _stopped(known: NotifyInput, stands: Standing, error: Failure) -> tuple[str, list[str]]:
    """Stopping an execution is an ordinary way to end a run."""
    return f"Run stopped: {_project(known)}", [
        error.sentence,
        _dataset(known),
        f"{remains.left(stands)} The sweeper also ends, within 30 minutes, what a call that was under way has started.",
        remains.kept(known, stands),
        remains.spent(known, stands),
        "What was in service before stays in service." if known.run else "",
        earlier.resumable(known, known.run, trained=stands.resumable),
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
        lines.append(f"above the base {found.difference * 100:+.1f} points ({low * 100:+.1f} to {high * 100:+.1f})")
    return letter.lines(f"{found.metric_title or found.metric} over {found.items} items:", lines)


def _not_scored(known: NotifyInput) -> str:
    """Which evaluation items do not count, and of which it cannot be known."""
    unknown = (
        "It is not known what the model was trained on, so evaluation items that it has seen would count for it."
        if known.run and known.run.evaluate
        else ""
    )
    return " ".join(filter(None, (_refused_items(known), unknown)))


def _refused_items(known: NotifyInput) -> str:
    if known.prepared is None or not known.prepared.refused_items:
        return ""
    lines = ", ".join(map(str, known.prepared.refused_lines))
    more = known.prepared.refused_items - len(known.prepared.refused_lines)
    return (
        f"Evaluation items not scored, because a contestant was trained on them: {known.prepared.refused_items} "
        f"(line{'s' if known.prepared.refused_items > 1 else ''} {lines}{f' and {more} more' if more else ''})."
    )


def _promoted(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    promotion, found = known.promotion, known.evaluation
    return f"Model promoted: {_project(known)}", [
        found.reason if found else "",
        comparison(found),
        *(found.notes if found else ()),
        _not_scored(known),
        block(f"In service: {promotion.endpoint_arn}", f"Published as: {promotion.parameter}") if promotion else "",
        f"Since then run {promotion.replaced_by} has put another model into service in its place."
        if promotion and promotion.replaced_by
        else "",
        " ".join(filter(None, (remains.in_service(known), found.break_even if found else ""))),
        _not_finished(known, stands),
        remains.kept(known, stands),
        _forgotten(known),
        remains.spent(known, stands),
        f"Report: {found.report_uri if found else known.run.uri('report.html')}" if known.run else "",
        "What to do: nothing. Applications that read the published parameter use the new model from now on.",
    ]


def not_in_service(run: Run) -> str | None:
    """Why a model that is better does not go into service; None when it does."""
    settings = run.settings
    if way := promotion.not_served(base_model(settings.base_model), settings.deployment):
        return way
    asked = run.service_is_asked
    month = settings.budget.service_usd_per_month
    return None if asked else promotion.not_agreed(run.service, limit_usd_per_month=month)


def _how_to_agree(run: Run) -> str:
    """The lines of settings.yaml that put such a model into service, and the stack's part where it bounds them."""
    if promotion.not_served(base_model(run.settings.base_model), run.settings.deployment):
        return _NEXT_STEPS["not_served"]
    month, ceiling = run.service.usd_per_month, run.ceilings.service_usd_per_month
    wanted = "730 times that price, or more" if month is None else f"{math.ceil(month)}"
    price = ["prices:", "  provisioned_per_hour: what an hour of one model unit costs in USD"] if month is None else []
    lines = letter.lines(
        "To put such a model into service, add these lines to the project's settings.yaml and drop the dataset again:",
        [*price, "budget:", f"  service_usd_per_month: {wanted}"],
    )
    if ceiling is None or (month is not None and month <= ceiling):
        return lines
    return block(
        lines,
        f"The stack's parameter MostServiceUsdPerMonth, {cost.cents(ceiling)}, bounds this. It has to be "
        "raised at a deployment of the stack first; no settings.yaml can raise it.",
    )


def _not_finished(known: NotifyInput, stands: Standing) -> str:
    """What went wrong after the model was in service, and what is left of the run beside it."""
    after = f"After that the run ended early: {known.error.sentence}" if known.error else ""
    return " ".join(filter(None, (after, remains.left(stands) if stands.jobs or stands.endpoints else "")))


def _forgotten(known: NotifyInput) -> str:
    promotion = known.promotion
    if promotion is None:
        return ""
    deleted = letter.lines("Custom models deleted according to retention.models:", promotion.deleted_models)
    problem = f"Old custom models could not all be deleted: {promotion.retention_problem}"
    return block(
        *(text for text, said in ((deleted, promotion.deleted_models), (problem, promotion.retention_problem)) if said)
    )


def _not_promoted(known: NotifyInput, stands: Standing) -> tuple[str, list[str]]:
    found, refused = known.evaluation, declined(known.evaluation)
    inconclusive = found is not None and found.decision == "inconclusive"
    return f"{'Inconclusive, not promoted' if inconclusive else 'Model not promoted'}: {_project(known)}", [
        found.reason if found else "",
        f"It was not put into service ({refused.Error}). {refused.Cause}" if refused else "",
        comparison(found),
        *(found.notes if found else ()),
        _not_scored(known),
        known.prepared.forecast if known.prepared and inconclusive else "",
        f"{remains.left(stands)} What was in service before stays in service.",
        remains.kept(known, stands),
        remains.spent(known, stands),
        f"Report: {found.report_uri}" if found else "",
        led("What to do:", _next_step(known)),
    ]


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
    obstacle = known.run and not_in_service(known.run)
    if known.run is None or not obstacle or not found.reason.endswith(obstacle):
        evaluated = known.run and known.run.evaluate and found.decision == "do_not_promote"
        return _NEXT_STEPS["elsewhere" if evaluated else found.decision]
    return _NEXT_STEPS["not_served"] if known.run.service.covered else _how_to_agree(known.run)


_OUTCOMES: Mapping[Outcome, Callable[[NotifyInput, Standing], tuple[str, list[str]]]] = {
    "RequestRefused": _refused,
    "DatasetRejected": _rejected,
    "NothingNew": _nothing_new,
    "BudgetExceeded": _over_budget,
    "NoVerdictPossible": _undecidable,
    "ApprovalExpired": _not_approved,
    "ApprovalRejected": _not_approved,
    "TrainingFailed": _training_failed,
    "RunFailed": _failed,
    "ModelNotPromoted": _not_promoted,
    "ModelPromoted": _promoted,
}
