"""`finetune show`: one run, what came of it and why, with its states, cost, files and links."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from finetune.aws import storage
from finetune.foreign import block
from finetune_cli import console_links, past, stack, states
from finetune_cli.answer import Answer
from finetune_cli.commands.show import Options
from finetune_cli.console import Console
from finetune_cli.past import Past
from finetune_cli.runs import facts

# The files of a run that people read, the first that they look for first.
_FILES = ("report.html", "validation.html", "evaluation.json", "problems.jsonl", "spent.json", "human-review.csv")
_SCORES = (("base_score", "base model"), ("champion_score", "in service before"), ("candidate_score", "new model"))


def run(options: Options, console: Console) -> Answer:
    """Yes when the run goes on or has promoted its model."""
    by = stack.removing(options.stack)
    found = past.find(by, options.run)
    table = states.of(by.stepfunctions, found)
    now = _now(found)
    present = {uri.removeprefix(f"{found.folder}/") for uri in storage.keys_under(by.s3, f"{found.folder}/")}
    files = [f"{found.folder}/{name}" for name in _FILES if name in present]
    # The console knows nothing of the local cloud.
    links = {} if options.local else _links(found, by.machine_arn, files)
    console.write(_paragraph(found, now))
    console.write("", "States", *(f"  {states.line(row, now)}" for row in table))
    console.write("", "Files", *(f"  {uri}" for uri in files))
    if links:
        console.write("", "Console", *(f"  {name}: {link}" for name, link in links.items()))
    told = {
        **facts(found),
        "reason": found.reason,
        "scores": {name: (found.judged or {}).get(key) for key, name in _SCORES},
        "settings": found.plan.settings.model_dump(mode="json") if found.plan else None,
        "dataset": found.plan.dataset.payload() if found.plan else None,
        "states": [states.facts(row, now) for row in table],
        "files": files,
        "links": links,
    }
    return Answer(found.going or found.verdict == "promoted", told)


def _links(found: Past, machine_arn: str, files: list[str]) -> dict[str, str]:
    pages = {uri.rpartition("/")[2]: console_links.s3_object(machine_arn, uri) for uri in files[:1]}
    return {"execution": console_links.execution(found.execution_arn), **pages}


def _now(found: Past) -> datetime:
    """When it ended; the present, by the service's clock, until then."""
    execution = found.execution
    return (execution.stopped or execution.as_of) if execution else datetime.now(UTC)


def _paragraph(found: Past, now: datetime) -> str:
    return block(found.name, *(f"  {name}: {value}" for name, value in _lines(found, now) if value))


def _lines(found: Past, now: datetime) -> Iterator[tuple[str, str]]:
    plan, judged = found.plan, found.judged or {}
    yield "verdict", found.verdict
    yield "why", found.reason
    yield (
        "started",
        f"{found.started:%Y-%m-%d %H:%M} UTC, {states.duration((now - found.started).total_seconds())} long",
    )
    if plan:
        yield "base model", f"{plan.settings.base_model}, {plan.settings.method}"
        yield "dataset", f"{plan.dataset.shown} (version {plan.dataset.version_id})"
    if judged.get("metric"):
        scores = (f"{name} {judged[key]:.3f}" for key, name in _SCORES if judged.get(key) is not None)
        yield f"by {judged.get('metric_title') or judged['metric']}", ", ".join(scores)
        yield "gain", found.gain
    yield "cost", found.cost
    yield from (("note", note) for note in judged.get("notes", ()))
    yield "model", _model(found)


def _model(found: Past) -> str:
    model: dict[str, Any] = found.output.get("model") or {}
    return str(model.get("model_name") or "")
