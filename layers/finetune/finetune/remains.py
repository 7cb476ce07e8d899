"""What a run has cost and what it leaves that is billed, in the words of its mail, with the command that removes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from shlex import quote

from finetune.contracts import NotifyInput, PromoteModelOutput, SelectModelOutput
from finetune.domain import cost
from finetune.domain.billing.spent import Spent
from finetune.domain.catalog import base_model
from finetune.frozen import Frozen
from finetune.letter import of_execution
from finetune.run import Run


class Standing(Frozen):
    """What stands of a run when its mail is written; `unknown` says what kept Bedrock from telling.

    `promotion` if the run's model is the one that is published. `jobs` and `endpoints` are those that still cost
    something, `trained` and `unfinished` the jobs that ended with a model and without one. `models` are ARNs by name,
    `adopted` those of an earlier run that this one went on with, `deletion` the day on which each of both is deleted.
    `throughput` is from when to now, while there is one. `resumable` if a model stands that a run may go on with,
    whoever trained it.
    """

    promotion: PromoteModelOutput | None = None
    jobs: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    models: Mapping[str, str] = {}
    adopted: Mapping[str, str] = {}
    deletion: Mapping[str, str] = {}
    throughput: tuple[datetime, datetime] | None = None
    spent: Spent | None = None
    unknown: str | None = None
    resumable: bool = False


def spent(known: NotifyInput, stands: Standing) -> str:
    """What the run has cost, and beside it what was estimated."""
    if stands.spent is None:
        return "What the run has cost is not known." if stands.unknown else ""
    usd = known.prepared.estimated_usd if known.prepared else None
    storage = "" if known.run and known.run.evaluate else ", with a month of storage"
    estimate = "" if usd is None else f" It was estimated at {cost.dollars(usd)}{storage}."
    sources = f" {known.run.price_sources}" if known.run and stands.spent.lines else ""
    return f"{stands.spent.sentence}{estimate}{sources}"


def left(stands: Standing) -> str:
    """Which jobs and endpoints of the run still cost something, and who ends them."""
    if stands.unknown:
        return (
            f"Whether a job or an endpoint of this run is left could not be asked ({stands.unknown}). The sweeper "
            "looks every 15 minutes and ends what is left."
        )
    found = [f"the job {name}" for name in stands.jobs] + [f"the endpoint {arn}" for arn in stands.endpoints]
    if not found:
        return "No endpoint and no job of this run is left running."
    return f"Still being ended: {', '.join(found)}. The sweeper looks every 15 minutes until nothing is left."


def kept(known: NotifyInput, stands: Standing) -> str:
    """The custom models that stay although they were not promoted: for how much, until when, and how to change that."""
    if known.run and known.run.evaluate:
        return (
            f"The custom model {known.run.evaluate} was trained elsewhere. This stack has not tagged it and never "
            "deletes it; its storage is billed until its owner deletes it."
        )
    of_earlier = dict.fromkeys(stands.models, False) | dict.fromkeys(stands.adopted, True)
    if stands.unknown and known.model and known.model.model_name:
        of_earlier = {known.model.model_name: known.model.trained_by is not None}
    elif stands.promotion:
        arns = {**stands.models, **stands.adopted}
        of_earlier = {name: earlier for name, earlier in of_earlier.items() if arns[name] != stands.promotion.model_arn}
    return " ".join(_kept(known, name, stands.deletion.get(name), earlier) for name, earlier in of_earlier.items())


def _kept(known: NotifyInput, name: str, day: str | None, of_earlier: bool) -> str:
    stack = of_execution(known.execution_arn)
    keep, delete = f"`finetune keep {name}{stack}`", f"`finetune delete {name}{stack}`"
    # An earlier run's model without a day may have been promoted once, or be kept.
    days = known.run.settings.retention.days if known.run and not of_earlier else None
    until = (day and f"It is deleted on {day}. ") or (f"It is deleted after {days} days. " if days else "")
    whose = ", which an earlier run trained," if of_earlier else ""
    return (
        f"The custom model {name}{whose} is kept and billed for storage{_month(known.run)}. {until}{keep} keeps it "
        f"for longer, {delete} deletes it now."
    )


def kept_after(run: Run, model: SelectModelOutput) -> str:
    """The same before the run has ended; empty when there is no model."""
    if model.model_name is None or run.evaluate:
        return ""
    keep = f"`finetune keep {model.model_name}{of_execution(run.execution_arn)}`"
    return (
        f"The custom model {model.model_name} is kept and billed for storage{_month(run)}. It is deleted "
        f"{run.settings.retention.days} days after the run's end, unless {keep} was called."
    )


def in_service(known: NotifyInput) -> str:
    """What the promoted model costs from now on, and how to remove it."""
    run = known.run
    row, prices = (base_model(run.settings.base_model), run.settings.prices) if run else (None, None)
    if known.promotion and known.promotion.kind == "provisioned":
        hour = cost.hourly(row, prices, run.settings.units) if run and row else None
        billed = "at a price that is not known" if hour is None else f"{cost.dollars(hour)} an hour"
        month = "" if hour is None else f", about ${hour * cost.HOURS_PER_MONTH:,.0f} a month"
        how = (
            f"It is provisioned throughput without commitment, billed by the hour until it is deleted: {billed}{month}."
        )
    else:
        how = "It is an on-demand deployment: it is billed by the token and costs nothing while idle."
    storage = f"Its custom model is billed for storage{_month(run)}."
    what = "takes it out of service" if run and run.evaluate else "takes it out of service and deletes it"
    ending = f"`finetune delete {quote(run.project)}{of_execution(known.execution_arn)}` {what}." if run else ""
    return " ".join(filter(None, (how, storage, ending)))


def _month(run: Run | None) -> str:
    price = cost.price(base_model(run.settings.base_model), run.settings.prices, "storage_per_month") if run else None
    return "" if price is None else f", for ${price:.2f} a month"
