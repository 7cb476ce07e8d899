"""`finetune costs`: everything of a stack that is billed now, whose it is and what it costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from finetune.aws import billed, retention
from finetune.aws.billed import Billed
from finetune.aws.retention import Deleted
from finetune.errors import FineTuneError
from finetune.foreign import block
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.costs import Options
from finetune_cli.console import Console

KINDS = {
    "model": "custom model",
    "on_demand": "on-demand deployment",
    "provisioned": "provisioned throughput",
    "job": "customization job",
}


def run(options: Options, console: Console) -> Answer:
    """Yes when something is billed or could not be asked."""
    by = stack.removing(options.stack)
    account = billed.everything(by.bedrock, by.ssm, options.stack)
    wanted, unasked = stack.slugs_of(options.stack, options.project), list(account.unasked)
    shown = sorted(
        (each for each in account.billed if wanted is None or each.project in wanted),
        key=lambda each: (each.project, each.run, each.kind, each.name),
    )
    deleted: tuple[Deleted, ...] = ()
    try:
        deleted = retention.read_marker(by.s3, by.bucket).deleted
    except FineTuneError as error:
        unasked.append(str(error).rstrip("."))
    lines = [_line(each, account.as_of) for each in shown]
    whose = f"Project {options.project} of stack" if options.project else "Stack"
    console.write(*lines or [f"{whose} {options.stack} is billed for nothing of Bedrock."])
    console.write(*filter(None, (_total(shown), *map(_gone, deleted))))
    for why in unasked:
        console.warn(f"warning: not asked, so there may be more: {why}")
    facts = {
        "stack": options.stack,
        "billed": [facts_of(each) for each in shown],
        "usd_per_hour": _sum(each.usd_per_hour for each in shown),
        "usd_per_month": _sum(each.usd_per_month for each in shown),
        "deleted_lately": [each.model_dump(mode="json") for each in deleted],
        "unasked": unasked,
    }
    return Answer(bool(shown or unasked), facts)


def price_of(each: Billed) -> str:
    """What one thing costs, in words."""
    if each.kind == "on_demand":
        return "billed by the token, nothing while idle"
    if each.kind == "job":
        return "billed by the trained token"
    if each.usd_per_month is None:
        return "at an unknown price"
    hour = f"${each.usd_per_hour:,.2f} an hour, about " if each.usd_per_hour else ""
    return f"{hour}${each.usd_per_month:,.2f} a month"


def _sum(prices: Any) -> float:
    return float(sum(each or 0.0 for each in prices))


def _line(each: Billed, now: datetime) -> str:
    owner = f"{each.project or 'unknown project'}, run {each.run or 'unknown'}"
    states = (
        "in service" if each.in_service else "",
        "kept by `finetune keep`" if each.kept else "",
        f"deleted on {each.deletion}" if each.deletion else "",
    )
    return block(
        f"{each.arn if each.kind in {'on_demand', 'provisioned'} else each.name} ({KINDS[each.kind]})",
        f"  {owner}, {_age(each.created, now)}",
        f"  {'; '.join(filter(None, (price_of(each), *states)))}",
    )


def _age(created: datetime | None, now: datetime) -> str:
    if created is None:
        return "of unknown age"
    age = now - created
    return f"{age.days} days old" if age >= timedelta(days=2) else f"{age // timedelta(hours=1)} hours old"


def _total(shown: list[Billed]) -> str:
    if not shown:
        return ""
    unknown = any(each.usd_per_month is None and each.kind in {"model", "provisioned"} for each in shown)
    least = "at least " if unknown else ""
    return f"Total by time: {least}${_sum(each.usd_per_month for each in shown):,.2f} a month, beside tokens."


def _gone(each: Deleted) -> str:
    return f"Deleted by retention.days on {each.at:%Y-%m-%d}: {each.name}"


def facts_of(each: Billed) -> dict[str, Any]:
    """One thing for a program."""
    return {
        "kind": each.kind,
        "name": each.name,
        "arn": each.arn,
        "project": each.project or None,
        "run": each.run or None,
        "created": each.created.isoformat() if each.created else None,
        "usd_per_hour": each.usd_per_hour,
        "usd_per_month": each.usd_per_month,
        "in_service": each.in_service,
        "kept": each.kept,
        "deletion": each.deletion,
    }
