"""`finetune runs`: the newest runs, what came of them, and what waits for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from finetune import notices
from finetune.aws import approvals
from finetune.aws.removal import Removing
from finetune.errors import FineTuneError
from finetune.foreign import foreign
from finetune.question import Question
from finetune_cli import past, stack, states
from finetune_cli.answer import Answer
from finetune_cli.commands.runs import Options
from finetune_cli.console import Console
from finetune_cli.past import Past

_COLUMNS = ("run", "verdict", "gain", "cost", "age", "waits for")


def run(options: Options, console: Console) -> Answer:
    """Yes when there is a run."""
    by = stack.removing(options.stack)
    found = past.look_at(by, past.newest(by, stack.slugs_of(options.stack, options.project), options.most))
    asking = _asking(by, console)
    waits = {
        each.name: _waits(states.current(by.stepfunctions, each), asking.get(each.execution_arn)) for each in found
    }
    if found:
        rows = [(each.name, each.verdict, each.gain, each.cost, past.ago(each.age), waits[each.name]) for each in found]
        console.write(*table([_COLUMNS, *rows]))
        console.write(*(f"To answer: {notices.command('approve', each, options.stack)}" for each in _of(found, asking)))
    else:
        whose = f"Project {foreign(options.project)} of stack" if options.project else "Stack"
        console.write(f"{whose} {options.stack} has no run.")
    return Answer(bool(found), {"stack": options.stack, "runs": [facts(each, waits[each.name]) for each in found]})


def _asking(by: Removing, console: Console) -> dict[str, Question]:
    """The questions that wait for an answer, by execution; whoever may not read them sees the runs all the same."""
    try:
        return {each.execution_arn: each for each in approvals.waiting(by.s3, by.stepfunctions, by.bucket)}
    except FineTuneError as error:
        console.warn(f"warning: not known whether a run waits for a person: {error}")
        return {}


def _of(found: Iterable[Past], asking: Mapping[str, Question]) -> list[Question]:
    """The questions of these runs."""
    return [asking[each.execution_arn] for each in found if each.execution_arn in asking]


def _waits(state: str, question: Question | None) -> str:
    if question:
        return f"a person, until {question.until:%Y-%m-%d %H:%M} UTC"
    return f"AWS ({state})" if state.startswith("Wait") else state


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines with even columns; what is empty in every row but the first has no column."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]


def facts(each: Past, waits: str = "") -> Mapping[str, Any]:
    """A run for a program."""
    judged = each.judged or {}
    return {
        "run": each.name,
        "project": each.project,
        "verdict": each.verdict,
        "going": each.going,
        "decision": judged.get("decision"),
        "difference": judged.get("difference"),
        "interval": judged.get("interval"),
        "usd": each.usd,
        "expected_usd": each.expected_usd,
        "started": each.started.isoformat(),
        "ended": each.execution.stopped.isoformat() if each.execution and each.execution.stopped else None,
        "waits_for": waits or None,
        "execution": each.execution_arn,
    }
