"""`finetune compare`: two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune_cli import past, stack
from finetune_cli.answer import Answer
from finetune_cli.commands.compare import Options
from finetune_cli.console import Console
from finetune_cli.past import Past, read_json
from finetune_cli.runs import table
from finetune_cli.states import duration

_OTHER_SET = (
    "The evaluation sets differ, so the scores are not comparable; give the project an evaluation set of its own "
    "(projects/<project>/evaluation.jsonl)."
)
_NONE = "-"
type Facts = dict[str, Any]


def run(options: Options, console: Console) -> Answer:
    """Yes once both are shown."""
    by = stack.removing(options.stack)
    runs = [past.find(by, each) for each in (options.run, options.other)]
    prepared = [read_json(by.s3, f"{each.folder}/prepared.json") or {} for each in runs]
    sections = {
        "result": [_result(each) for each in runs],
        "data": [_data(each, told) for each, told in zip(runs, prepared, strict=True)],
        "settings": [_settings(each) for each in runs],
    }
    sets = {told.get("evaluation", {}).get("sha256") for told in prepared}
    for title, (one, two) in sections.items():
        names = [name for name in {**one, **two} if title != "settings" or one.get(name) != two.get(name)]
        rows = [(name, _words(one.get(name)), _words(two.get(name))) for name in names]
        console.write(
            *(table([(title, runs[0].name, runs[1].name), *rows]) if rows else [f"The {title} are the same."])
        )
    comparable = len(sets) == 1
    if not comparable:
        console.warn(f"warning: {_OTHER_SET}")
    pairs = {title: [dict(one), dict(two)] for title, (one, two) in sections.items()}
    return Answer(True, {"runs": [each.name for each in runs], "comparable": comparable, **pairs})


def _result(run: Past) -> Facts:
    judged, execution = run.judged or {}, run.execution
    ended = execution.stopped if execution else None
    return {
        "verdict": run.verdict,
        "metric": judged.get("metric_title") or judged.get("metric"),
        "base model's score": judged.get("base_score"),
        "score in service before": judged.get("champion_score"),
        "new model's score": judged.get("candidate_score"),
        "gain": run.gain or None,
        "training loss": (run.output.get("model") or {}).get("training_loss"),
        "validation loss": (run.output.get("model") or {}).get("validation_loss"),
        "cost": run.cost,
        "time": duration((ended - run.started).total_seconds()) if ended else None,
    }


def _data(run: Past, prepared: Mapping[str, Any]) -> Facts:
    parts = {name: prepared.get(name) or {} for name in ("training", "validation", "evaluation")}
    dataset = run.plan.dataset if run.plan else None
    counted = prepared.get("accounting") or {}
    return {
        "dataset": dataset.shown if dataset else None,
        "version": dataset.version_id if dataset else None,
        **{f"records of {name}": part.get("records") for name, part in parts.items()},
        **{f"content of {name}": str(part.get("sha256", ""))[:16] or None for name, part in parts.items()},
        "training tokens": prepared.get("training_tokens"),
        "duplicates": counted.get("duplicates"),
        "rejected": counted.get("rejected"),
    }


def _settings(run: Past) -> Facts:
    """Every setting by its whole name, as in settings.yaml."""
    return flat(run.plan.settings.model_dump(mode="json")) if run.plan else {}


def flat(tree: Mapping[str, Any], before: str = "") -> Facts:
    """The leaves of nested mappings by their names with dots.

    >>> flat({"gates": {"confidence": 0.95}, "method": "FINE_TUNING"})
    {'gates.confidence': 0.95, 'method': 'FINE_TUNING'}
    """
    found: Facts = {}
    for name, value in tree.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return found


def _words(value: Any) -> str:
    if value is None:
        return _NONE
    return f"{value:.4g}" if isinstance(value, float) else str(value)
