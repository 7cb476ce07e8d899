"""Mails beside the one about a run's end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from finetune.advice import ADVICE
from finetune.domain.cost import SERVICE, dollars, per_month
from finetune.domain.customization.jobs import QUOTA_BOUND, QUOTA_INTERVAL
from finetune.domain.evaluation.promotion import START_HOURS
from finetune.errors import FineTuneError
from finetune.foreign import block
from finetune.letter import Mail, lines, mail, of_stack
from finetune.parts import Refusal
from finetune.question import Question
from finetune.run import Run

_ASKING = {
    "training": (
        "The run waits for an answer before it trains a model. Nothing was started or billed, and the wait costs "
        "nothing.",
        "If nobody answers, the run ends then, and nothing is trained.",
    ),
    "evaluation": (
        "The run goes on with a model that is trained already, and waits for an answer before it evaluates the model. "
        "Nothing more was started or billed, and the wait costs nothing.",
        "If nobody answers, the run ends then. Its model is kept.",
    ),
    "service": (
        "The run has trained a model that is better, and waits for an answer before it puts it into service. No "
        "endpoint that is billed by the hour is open for the run meanwhile.",
        "If nobody answers, the model is not promoted. It is kept.",
    ),
}

# What a run waits for, and what a person may do about it.
_WAITS_FOR: Mapping[str, tuple[str, str]] = {
    "QuotaExceeded": (
        "a quota of the account is used up",
        "nothing if something that uses the quota ends soon. Otherwise ask for a higher quota in Service Quotas, or "
        "end what uses it up.",
    ),
    "TooManyRunsAtOnce": (
        "as many runs go on as the stack allows",
        "nothing if one of them ends soon. Otherwise stop one, or have the stack deployed with a higher MostRunsAtOnce "
        "and drop the dataset again: a run keeps the ceiling that it was planned with.",
    ),
}


def swept(stack: str, ended: Iterable[str]) -> Mail:
    """The alarm of the sweeper: jobs or endpoints were left behind, and are ended now."""
    names = list(ended)
    return mail(
        f"Left behind and ended by the sweeper of {stack}: {len(names)}",
        [
            "These jobs and endpoints belonged to no running execution and were not in service. The jobs were "
            "stopped, the endpoints deleted:",
            block(*(f"  {name}" for name in names)),
            "What to do: find out what ended their runs. The usual cause is an abort or a failed clean-up.",
        ],
    )


def waiting(run: Run, error: FineTuneError) -> Mail:
    """That a run waits, and for what; another mail tells its end."""
    minutes, hours = QUOTA_INTERVAL.total_seconds() / 60, QUOTA_BOUND.total_seconds() / 3600
    why, otherwise = _WAITS_FOR[type(error).__name__]
    paragraphs = [
        f"The run waits, because {why}. It tries again every {minutes:.0f} minutes for at most {hours:.0f} hours and "
        "goes on by itself as soon as there is room. The wait itself costs nothing.",
        str(error),
        f"What to do: {otherwise}",
        "Another mail tells how the run ended. With notify.waiting: false in the project's settings.yaml, runs do not "
        "send this one.",
        block(f"Run: {run.run_id}", f"Files: {run.folder}/", f"Execution: {run.execution_arn}"),
    ]
    return mail(f"Waiting for capacity: {run.project}", paragraphs)


def refusals(where: str, refused: Sequence[Refusal], *, more: int, folder: str) -> Mail:
    """What was refused within an hour and has no mail of its own; `more` of them are only counted."""
    number = len(refused) + more
    return mail(
        f"Refused drops, {where}: {number}",
        [
            f"So many drops were refused within an hour, {where}, that these have no mail of their own: {number}. "
            "Nothing was started or billed for them.",
            block(
                *(
                    block(each.dataset, f"{each.error}: {each.cause}", f"Execution: {each.execution_arn}")
                    for each in refused
                )
            ),
            f"And {more} more, each with a file under {folder}." if more else "",
            f"What to do: {ADVICE.get(refused[0].error, 'look up the errors in docs/troubleshooting.md.')}",
        ],
    )


def ended(stack: str, models: Sequence[str]) -> Mail:
    """That nothing of a deleted stack is billed by the hour; which models stay, with the way to delete them."""
    kept = lines(
        "These custom models stay and are billed for their storage until somebody deletes them:",
        (f"aws bedrock delete-custom-model --model-identifier {name}" for name in models),
    )
    return mail(
        f"Stack deleted: {stack}",
        [
            "Its runs and jobs are stopped, its endpoints and parameters are deleted. Applications that used them get "
            "no answer any more.",
            kept if models else "No custom model stays.",
            "The two buckets stay with their content.",
        ],
    )


def approval(question: Question, stack: str) -> Mail:
    """That a run asks a person: what, why, what it costs, what is known, and the two commands that answer."""
    run, (waits, unanswered) = question.run, _ASKING[question.before]
    again = " again" if question.number else ""
    return mail(
        f"Approval needed{again} before {question.before}: {run.project}",
        [
            f"It is asked again, because something has changed since: {question.changed}." if question.changed else "",
            waits,
            question.why,
            _above_limit(question),
            lines("What it costs:", costs(question)),
            block(*question.evidence.splitlines()),
            f"Report: {question.report}" if question.report else "",
            f"What to do: answer until {question.until:%Y-%m-%d %H:%M} UTC, with one of these commands. {unanswered}",
            block(
                f"  {command('approve', question, stack)}",
                f"  {command('reject', question, stack)} --reason '...'",
            ),
            f"Dataset: {run.dataset.shown} (version {run.dataset.version_id})",
            block(f"Run: {run.run_id}", f"Files: {run.folder}/", f"Execution: {question.execution_arn}"),
        ],
    )


def _above_limit(question: Question) -> str:
    """That the settings' limit was lowered below what the run may cost, since the run was planned."""
    limit = question.terms.budget.limit_usd
    if question.most_usd is None or question.most_usd <= limit:
        return ""
    return (
        f"The run may cost up to {dollars(question.most_usd)}, which is above budget.limit_usd as it is now, "
        f"{dollars(limit)}. A yes lets it go on all the same."
    )


def command(answer: Literal["approve", "reject"], question: Question, stack: str) -> str:
    """The command that gives an answer to a question as it was asked last, and to no other."""
    number = f" --question {question.number}" if question.number else ""
    return f"finetune {answer} {question.run.endpoint_name}{number}{of_stack(stack)}"


def costs(question: Question) -> list[str]:
    """The estimate of the run with its lines, and what an hour and a month in service cost; unknown is said so."""
    run = "unknown" if question.run_usd is None else f"estimated {dollars(question.run_usd)}"
    most = "" if question.most_usd is None else f", at most {dollars(question.most_usd)}"
    whole = "the run" if question.stage == "training" else "the whole run"
    bill = [line for line in question.bill if not line.startswith(SERVICE)]
    return [f"{whole}: {run}{most}", *bill, *_of_start(question), *_of_service(question)]


def _of_start(question: Question) -> list[str]:
    """What throughput costs until it answers, before it goes into service; nothing where its price is unknown."""
    hour = question.terms.usd_per_hour
    if question.stage == "training" or hour is None or question.run.settings.deployment != "provisioned":
        return []
    most = dollars(START_HOURS * hour)
    return [f"until it is in service: at most {START_HOURS} started hours, {most}, beyond budget.limit_usd"]


def _of_service(question: Question) -> list[str]:
    hour = question.terms.usd_per_hour
    if question.run.settings.deployment != "provisioned":
        return ["after it, in service: by the token; an hour without questions costs nothing"]
    if hour is None:
        return ["in service: by the hour, at an unknown price; set prices.provisioned_per_hour in settings.yaml"]
    units = question.run.settings.units
    size = f" for {units} model units" if units > 1 else ""
    month = dollars(per_month(hour))
    return [f"in service: {dollars(hour)} an hour{size}, about {month} a month, also when it is not used"]
