"""`finetune review`: decide a run's verdict again with people's ratings of its answers, or with scores of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from finetune.domain.evaluation.comparison import NAMES
from finetune.domain.evaluation.human_review import Review, read_back, review
from finetune.domain.evaluation.llm_judge import CRITERIA
from finetune.domain.evaluation.own_scores import Scored, decide_by, is_table, read_scores
from finetune.domain.evaluation.verdict import Evaluation
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.commands.review import Options
from finetune_cli.console import Console
from finetune_cli.files import name_of, readable

_DECISIONS = {"promote": "promote", "do_not_promote": "do not promote", "inconclusive": "inconclusive"}
_PROBLEMS_SHOWN = 10


def run(options: Options, console: Console) -> Answer:
    """Yes when the verdict is to promote."""
    evaluation = _evaluation(options.evaluation or options.form.parent / "evaluation.json")
    data = readable(options.form).read_bytes()
    found: Review | Scored
    if is_table(data):
        scores, problems = read_scores(data, evaluation)
        _refuse(options.form, problems)
        found = decide_by(scores, evaluation)
        console.write(*_by_scores(found))
    else:
        rated, problems = read_back(data, evaluation)
        _refuse(options.form, problems)
        found = review(rated, evaluation)
        console.write(*_text(found))
    return Answer(found.decision == "promote", found.model_dump(mode="json"))


def _refuse(path: Path, problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - _PROBLEMS_SHOWN
        shown = [*problems[:_PROBLEMS_SHOWN], *([f"And {more} more."] if more > 0 else [])]
        raise UsageFailure(f"{name_of(path)}: {' '.join(shown)}")


def _evaluation(path: Path) -> Evaluation:
    data = readable(path).read_bytes()
    try:
        return Evaluation.model_validate_json(data)
    except ValidationError:
        raise UsageFailure(f"{name_of(path)} is not the evaluation.json of a run.") from None


def _by_scores(found: Scored) -> list[str]:
    return [
        f"Verdict by your scores: {_DECISIONS[found.decision]} (the run's own: {_DECISIONS[found.measured]})",
        found.reason,
        *(one.reason for one in found.comparisons if one.reason != found.reason),
        "",
        f"{'Scored items':<24}{found.scored:>8}",
        "",
        "Nothing is promoted by this. A run decides by its settings.yaml: change the metric or the gates there and",
        "drop the dataset again, and its model is evaluated anew without being trained again.",
    ]


def _text(found: Review) -> list[str]:
    lines = [
        f"Verdict: {_DECISIONS[found.decision]} (without the ratings: {_DECISIONS[found.measured]})",
        found.reason,
        "",
    ]
    lines += [f"{'Rated items':<28}{found.rated:>8}"]
    lines += [
        f"{name:<28}{share:>8.0%}"
        for name, share in (
            ("Agreement with metric", found.metric_agreement),
            ("with the judge", found.judge_agreement),
            ("Judge kinder than people", found.judge_too_kind),
            *((f"Would use {NAMES[name].removeprefix('the ')}", share) for name, share in found.uses.items()),
        )
        if share is not None
    ]
    if found.metric_kappa is not None:
        lines.append(f"{'Kappa with metric':<28}{found.metric_kappa:>8.2f}")
    if found.judge_kappa is not None:
        lines.append(f"{'Kappa with the judge':<28}{found.judge_kappa:>8.2f}")
    if found.criteria:
        lines += ["", f"{'':<28}" + "".join(f"{NAMES[one].removeprefix('the '):>20}" for one in found.criteria)]
        lines += [
            f"{name.capitalize():<28}" + "".join(f"{means[name]:>20.2f}" for means in found.criteria.values())
            for name in CRITERIA
        ]
    return lines
