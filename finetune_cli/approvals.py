"""`finetune approvals`: what waits for somebody's answer."""

from __future__ import annotations

from typing import Any

from finetune import notices
from finetune.aws import approvals, clients
from finetune.domain.cost import per_month
from finetune.foreign import block
from finetune.question import Question
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.approvals import Options
from finetune_cli.console import Console, apart


def run(options: Options, console: Console) -> Answer:
    """Yes when a run waits."""
    (bucket,) = stack.outputs(options.stack, "ArtifactBucketName")
    waiting = approvals.waiting(clients.s3(), clients.stepfunctions(), bucket)
    shown = [each for each in waiting if options.project in {None, each.run.project, each.run.slug}]
    nothing = f"No run of {f'project {options.project}' if options.project else f'stack {options.stack}'} waits."
    console.write(*apart([_paragraph(each, options.stack) for each in shown] or [nothing]))
    return Answer(bool(shown), {"stack": options.stack, "waiting": [_facts(each) for each in shown]})


def _facts(question: Question) -> dict[str, Any]:
    hour = question.terms.usd_per_hour if question.run.settings.deployment == "provisioned" else None
    return {
        "run": question.run.endpoint_name,
        "project": question.run.project,
        "question": question.number,
        "before": question.before,
        "why": question.why,
        "run_usd": question.run_usd,
        "run_most_usd": question.most_usd,
        "service_usd_per_hour": hour,
        "service_usd_per_month": None if hour is None else per_month(hour),
        "since": question.asked.isoformat(),
        "until": question.until.isoformat(),
        "report": question.report,
    }


def _paragraph(question: Question, stack: str) -> str:
    lines = [
        ("before", question.before),
        ("why", question.why),
        *(tuple(line.split(": ", 1)) for line in notices.costs(question)),
        ("since", f"{question.asked:%Y-%m-%d %H:%M} UTC"),
        ("until", f"{question.until:%Y-%m-%d %H:%M} UTC"),
        ("to approve", notices.command("approve", question, stack)),
    ]
    return block(question.run.endpoint_name, *(f"  {name}: {value}" for name, value in lines))
