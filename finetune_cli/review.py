"""`finetune review`: people's ratings of a run's answers, read back from its form into the verdict."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finetune.domain.evaluation.comparison import NAMES
from finetune.domain.evaluation.human_review import Review, read_back, review
from finetune.domain.evaluation.llm_judge import CRITERIA
from finetune.domain.evaluation.verdict import Evaluation
from finetune_cli.failure import UsageFailure

_DECISIONS = {"promote": "promote", "do_not_promote": "do not promote", "inconclusive": "inconclusive"}
_PROBLEMS_SHOWN = 10


def add(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "review",
        help="read people's ratings of a run's answers back into the verdict",
        description="Reads a human-review.csv that people have filled in with whole numbers from 1 to 5, and says how "
        "far they agree with the metric and the judge, and what becomes of the verdict.",
    )
    parser.add_argument("form", type=Path, help="the human-review.csv of a run; rows left empty do not count")
    parser.add_argument("--evaluation", type=Path, help="the run's evaluation.json, if it does not lie beside the form")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 when the verdict is to promote, 1 when it is not."""
    evaluation = _evaluation(options.evaluation or options.form.parent / "evaluation.json")
    rated, problems = read_back(_read(options.form), evaluation)
    if problems:
        more = len(problems) - _PROBLEMS_SHOWN
        shown = [*problems[:_PROBLEMS_SHOWN], *([f"And {more} more."] if more > 0 else [])]
        raise UsageFailure(f"{options.form}: {' '.join(shown)}")
    found = review(rated, evaluation)
    sys.stdout.write(found.model_dump_json(indent=2) + "\n" if options.json else _text(found))
    return 0 if found.decision == "promote" else 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageFailure(f"{path} cannot be read: {error.strerror}.") from None


def _evaluation(path: Path) -> Evaluation:
    data = _read(path)
    try:
        return Evaluation.model_validate_json(data)
    except ValidationError:
        raise UsageFailure(f"{path} is not the evaluation.json of a run.") from None


def _text(found: Review) -> str:
    lines = [f"Verdict: {_DECISIONS[found.decision]} (measured: {_DECISIONS[found.measured]})", found.reason, ""]
    lines += [f"{'Rated items':<24}{found.rated:>8}"]
    lines += [
        f"{name:<24}{share:>8.0%}"
        for name, share in (
            ("Agreement with metric", found.metric_agreement),
            ("with the judge", found.judge_agreement),
        )
        if share is not None
    ]
    if found.metric_kappa is not None:
        lines.append(f"{'Kappa with metric':<24}{found.metric_kappa:>8.2f}")
    if found.criteria:
        lines += ["", f"{'':<24}" + "".join(f"{NAMES[one].removeprefix('the '):>20}" for one in found.criteria)]
        lines += [
            f"{name.capitalize():<24}" + "".join(f"{means[name]:>20.2f}" for means in found.criteria.values())
            for name in CRITERIA
        ]
    return "\n".join(lines) + "\n"
