"""A metric of one's own: the answers as a table without the models' names, and the verdict by any program's scores.

No foreign code runs here: the program fills in `score` wherever its owner runs it, and the same test decides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from string import ascii_uppercase

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.comparison import Comparison, compare
from finetune.domain.evaluation.human_review import WHOLE, as_spreadsheet, spreadsheet
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.verdict import Decision, Evaluation
from finetune.frozen import Frozen

TITLE = "Your score"
_FILLED_IN = ("line", "answer", "score")
_COLUMNS = ("line", "answer", "outcome", "question", "reference", "text", "score")
_UNSCORED = ("missing", "blocked", "unusable")

Scores = Mapping[str, Mapping[str, float]]


class Scored(Frozen):
    """The verdict by scores of one's own; `scored` items have a score for every model's answer."""

    scored: int
    comparisons: tuple[Comparison, ...]
    measured: Decision
    decision: Decision
    reason: str


def answers_table(
    items: Sequence[EvaluationItem], answers: Mapping[str, Mapping[str, Answer]], evaluation: Evaluation
) -> bytes:
    """One row per item and model as CSV in UTF-8; the letter of an answer does not tell which model gave it."""
    rows = list[tuple[object, ...]]()
    for item in items:
        question = "\n\n".join(f"{turn.role}: {turn.text}" for turn in item.messages)
        for letter, contestant in _letters(item.id, evaluation).items():
            given = answers[contestant].get(item.id) or Answer(id=item.id)
            rows.append((item.line, letter, given.outcome, question, item.reference or "", given.text, ""))
    return as_spreadsheet(_COLUMNS, rows)


def is_table(data: bytes) -> bool:
    """Whether a file is an answers.csv, and not a form for people's ratings."""
    return set(_FILLED_IN) <= spreadsheet(data)[0]


def _letters(item: str, evaluation: Evaluation) -> dict[str, str]:
    """Which contestant's answer to an item stands under which letter, in an order of its own for each item."""
    drawn = sorted(evaluation.contestants, key=lambda one: blake2b(f"{evaluation.seed}/{item}/{one}".encode()).digest())
    return dict(zip(ascii_uppercase, drawn, strict=False))


def read_scores(data: bytes, evaluation: Evaluation) -> tuple[Scores, tuple[str, ...]]:
    """The scores by item and contestant, and one sentence for each row that cannot be used; empty ones are neither."""
    _, rows, unreadable = spreadsheet(data)
    if unreadable:
        return {}, unreadable
    known = {str(row.line): row.id for row in evaluation.rows}
    scores, problems = defaultdict[str, dict[str, float]](dict), list[str]()
    for number, row in enumerate(rows, 2):
        line, letter, score = ((row[name] or "").strip() for name in _FILLED_IN)
        line = WHOLE.sub("", line)
        if not score:
            continue
        contestant = _letters(known[line], evaluation).get(letter) if line in known else None
        if found := _flaw(contestant, score, scores.get(known.get(line, ""), {})):
            problems.append(f"Row {number}: {found}.")
        elif contestant:
            scores[known[line]][contestant] = float(score)
    return scores, tuple(problems)


def _flaw(contestant: str | None, score: str, before: Mapping[str, float]) -> str | None:
    if contestant is None:
        return "line and answer name no answer of this evaluation; use the answers.csv of the same run"
    if contestant in before:
        return "this answer is scored twice"
    try:
        value = float(score)
    except ValueError:
        value = math.nan
    return None if 0 <= value <= 1 else "score must be a number from 0 (useless) to 1 (perfect), such as 0.75"


def decide_by(scores: Scores, evaluation: Evaluation) -> Scored:
    """The verdict if these scores were the primary metric: the same test, gates and guards.

    What is no answer cannot be scored; the run's own doubts and guards stay.
    """
    rows = [row for row in evaluation.rows if set(evaluation.contestants) <= scores.get(row.id, {}).keys()]
    groups = [row.id if row.question is None else str(row.question) for row in rows]
    gates = evaluation.gates.at(evaluation.look)
    comparisons = tuple(
        compare(
            [(scores[row.id][one], scores[row.id]["candidate"]) for row in rows],
            against=one,
            title=TITLE,
            minimum_gain=gates.minimum_gain,
            confidence=gates.confidence,
            groups=groups,
        )
        for one in evaluation.contestants[:-1]
        if len(set(groups)) > 1
    )
    doubts = list(_doubts(len(rows), len(set(groups)), evaluation))
    objections = [
        *(one.reason for one in comparisons if not one.better),
        *(one.reason for one in evaluation.guards if not one.passed),
    ]
    reasons = doubts or objections or [one.reason for one in reversed(comparisons)]
    return Scored(
        scored=len(rows),
        comparisons=comparisons,
        measured=evaluation.decision,
        decision="inconclusive" if doubts else "do_not_promote" if objections else "promote",
        reason=reasons[0],
    )


def _doubts(scored: int, questions: int, evaluation: Evaluation) -> Iterator[str]:
    gates = evaluation.gates
    askable = sum(not set(row.outcomes.values()) & set(_UNSCORED) for row in evaluation.rows)
    needed = max(gates.minimum_items, 2)
    if questions < needed:
        yield (
            f"Only {scored} items have a score for each of their answers, with {questions} different questions; at "
            f"least {needed} are needed to tell a better model from chance."
        )
    elif scored < gates.coverage * askable:
        yield (
            f"{scored} of {askable} items have a score for each of their answers, {gates.coverage:.0%} are needed: "
            "which ones are left out must not decide."
        )
    elif askable < gates.coverage * len(evaluation.rows):
        yield (
            f"{askable} of {len(evaluation.rows)} items were answered by every model, {gates.coverage:.0%} are needed; "
            "run the evaluation again."
        )
