"""`finetune delete`: a plan, a question, and the removal until nothing of it is left."""

from __future__ import annotations

import time
from typing import Any

from finetune.aws import publication, removal
from finetune.aws.removal import Plan, Removing, Target
from finetune_cli import stack
from finetune_cli.answer import TWO_PROJECTS, Answer, UsageFailure
from finetune_cli.commands.delete import Options
from finetune_cli.console import Console, agreed
from finetune_cli.costs import KINDS, price_of

# Seconds between two looks, and how many: throughput is created in minutes to hours, and cannot be deleted before.
WAIT_SECONDS, LOOKS = 5.0, 720


def run(options: Options, console: Console) -> Answer:
    """Yes once everything of the plan is gone."""
    by = stack.removing(options.stack)
    target = removal.looked_up(by, removal.target_of(options.target))
    plan = removal.plan(by, target)
    if plan.unasked:
        raise UsageFailure(f"{plan.unasked[0]}. Nothing was deleted, because not everything can be seen.")
    if plan.ambiguous:
        raise UsageFailure(f"{TWO_PROJECTS.format(text=options.target)} Nothing was deleted.")
    console.write(*_plan(by, plan))
    if plan.empty:
        if not plan.staying:
            console.warn(f"finetune: stack {options.stack} has nothing of {options.target}.")
        return Answer(False, _facts(options, target, plan, deleted=False))
    if not (options.yes or agreed(console, "Delete all of this? Type yes: ")):
        console.warn("finetune: nothing was deleted.")
        return Answer(False, _facts(options, target, plan, deleted=False))
    left = removal.carry_out(by, target, wait=lambda: time.sleep(WAIT_SECONDS), looks=range(LOOKS))
    if not left.empty:
        raise UsageFailure(f"Something of {options.target} is still being ended; run the command again to continue.")
    console.write("Deleted, and Bedrock knows nothing of it any more.")
    return Answer(True, _facts(options, target, plan, deleted=True))


def _plan(by: Removing, plan: Plan) -> list[str]:
    """What is removed with its price, what stops working, and what stays."""
    lines = [f"stop    {each.arn} (execution)" for each in plan.running if each.running]
    lines += [f"stop    {each.name} (customization job, {price_of(each)})" for each in plan.jobs]
    lines += [f"delete  {each.arn} ({KINDS[each.kind]}, {price_of(each)})" for each in plan.endpoints]
    names = [publication.parameter_name(by.stack, slug) for slug in plan.parameters]
    lines += [f"delete  {name} (parameter)" for name in names]
    lines += [f"delete  {model.name} (custom model)" for model in plan.models]
    lines += [f"Applications that read {name} get no answer any more." for name in names]
    lines += [f"stays   {name}: {why}" for name, why in plan.staying]
    if plan.usd_per_month:
        lines.append(f"It costs about ${plan.usd_per_month:,.2f} a month now, as far as prices are known.")
    return lines


def _facts(options: Options, target: Target, plan: Plan, *, deleted: bool) -> dict[str, Any]:
    return {
        "target": options.target,
        "kind": next(name for name in ("model", "run", "project") if getattr(target, name)),
        "deleted": deleted,
        "executions": [each.arn for each in plan.running],
        "jobs": [each.name for each in plan.jobs],
        "endpoints": [each.arn for each in plan.endpoints],
        "projects": list(plan.parameters),
        "models": [model.name for model in plan.models],
        "staying": dict(plan.staying),
        "usd_per_month": plan.usd_per_month,
    }
