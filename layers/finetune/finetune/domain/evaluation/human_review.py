"""Human review: a form for people's ratings in a CSV file, and what the ratings say about the verdict.

Every reviewer has a spreadsheet. No cell of the form can be a formula, and the file does not tell which model gave
which answer: the order of the answers in each row is drawn from the evaluation's seed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from statistics import fmean

from pydantic import Field

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.comparison import NAMES, Comparison, compare
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import CRITERIA, Ratings, pairs, sample
from finetune.domain.evaluation.verdict import Decision, Evaluation
from finetune.frozen import Frozen

SAMPLED_ITEMS = 30
_TEXTS = ("line", "question", "reference", "answer_1", "answer_2")
_SIDES = (1, 2)
# One step of five on the scale from 0 to 1.
_STEP = 0.25
_RATINGS = tuple(f"{name}_{side}" for side in _SIDES for name in CRITERIA)
# Would you use it in production? Forms of earlier releases do not ask.
_USES = tuple(f"would_you_use_{side}" for side in _SIDES)
_COLUMNS = (*_TEXTS, *_RATINGS, *_USES, "notes")
_YES, _NO = {"yes", "y", "1", "true", "ja", "x"}, {"no", "n", "0", "false", "nein"}
_DELIMITERS = ",;\t"
# What spreadsheets take for the start of a formula, full-width forms included, with what they pass over in front of it.
# Where another separator is usual, they begin a cell behind each semicolon or tab, and a row behind each line break.
_FORMULA = re.compile(r"""(^|[;,|\n])((?:[^\S\n]|["'])*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20|%])""")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What a spreadsheet's number format adds to a whole number, in any country.
WHOLE = re.compile(r"[.,]0*$")
# Excel's own bound for a cell.
_CELL_CHARACTERS = 32_000


class Rated(Frozen):
    """One row that a person filled in; `item` is the item's id, `uses` whether either answer would be used."""

    item: str
    before: Ratings
    candidate: Ratings
    uses: tuple[bool | None, bool | None] = (None, None)


class Review(Frozen):
    """What people's ratings say: which model is better, how far metric and judge agree, and the verdict.

    Agreement is the share of rated items for which both prefer the same answer, or neither does. `kappa` is Cohen's
    kappa: agreement beyond chance. `judge_too_kind` is the share of the custom model's answers that the judge rates
    better than people by a step or more, `uses` the share of answers that people would use in production.
    """

    rated: int
    criteria: Mapping[str, Mapping[str, float]]
    comparison: Comparison | None
    metric_agreement: float | None
    metric_kappa: float | None
    judge_agreement: float | None
    judge_kappa: float | None = None
    judge_too_kind: float | None = None
    uses: Mapping[str, float] = Field(default_factory=dict)
    measured: Decision
    decision: Decision
    reason: str


def form(items: Sequence[EvaluationItem], answers: Mapping[str, Mapping[str, Answer]], evaluation: Evaluation) -> bytes:
    """The form for a sample of the items, in UTF-8 with the mark that spreadsheets look for."""
    before = answers[evaluation.contestants[-2]]
    askable = {pair.item.id for pair in pairs(items, before, answers["candidate"])}
    chosen = sample([item for item in items if item.id in askable], SAMPLED_ITEMS, evaluation.seed)
    rows = list[Sequence[object]]()
    for item in chosen:
        texts = [before[item.id].text, answers["candidate"][item.id].text]
        question = "\n\n".join(f"{turn.role}: {turn.text}" for turn in item.messages)
        shown = (question, item.reference or "", *(reversed(texts) if _swapped(item.id, evaluation.seed) else texts))
        rows.append([item.line, *shown, *("" for _ in (*_RATINGS, *_USES)), ""])
    return as_spreadsheet(_COLUMNS, rows)


def as_spreadsheet(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV in UTF-8 with the mark that spreadsheets look for; every text in it is `safe`."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([safe(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def safe(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula, without control characters."""
    shown = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\t", " "))[:_CELL_CHARACTERS]
    return _FORMULA.sub(r"\1'\2", shown)


def _swapped(item: str, seed: int) -> bool:
    return bool(blake2b(f"{seed}/{item}/order".encode(), digest_size=1).digest()[0] & 1)


def spreadsheet(data: bytes) -> tuple[frozenset[str], list[dict[str, str | None]], tuple[str, ...]]:
    """The columns and rows of a CSV file as spreadsheets save it, or one sentence that says why it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return frozenset(), [], ("The file is not UTF-8; save it as 'CSV UTF-8'.",)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return frozenset(reader.fieldnames or ()), list(reader), ()
    except csv.Error as error:
        return frozenset(), [], (f"The file is not CSV ({error}); save it from a spreadsheet as 'CSV UTF-8'.",)


def read_back(data: bytes, evaluation: Evaluation) -> tuple[tuple[Rated, ...], tuple[str, ...]]:
    """The filled-in rows of a form, and one sentence for each row that cannot be used; rows left empty are neither."""
    columns, rows, unreadable = spreadsheet(data)
    if unreadable:
        return (), unreadable
    missing = {"line", *_RATINGS} - columns
    if missing:
        return (), (f"The columns {', '.join(sorted(missing))} are missing; fill in the form as it was written.",)
    known = {str(row.line): row.id for row in evaluation.rows}
    rated, problems, seen = list[Rated](), list[str](), set[str]()
    for number, row in enumerate(rows, 2):
        line = WHOLE.sub("", (row["line"] or "").strip())
        cells = {name: WHOLE.sub("", (row[name] or "").strip()) for name in _RATINGS}
        if not any(cells.values()):
            continue
        found = list(_flaws(line, cells, known, seen))
        problems += [f"Row {number}: {flaw}." for flaw in found]
        seen.add(line)
        if not found:
            uses = [_said((row.get(name) or "").strip().casefold()) for name in _USES]
            rated.append(_rated(known[line], cells, uses, evaluation.seed))
    return tuple(rated), tuple(problems)


def _flaws(line: str, cells: Mapping[str, str], known: Mapping[str, str], seen: set[str]) -> Iterator[str]:
    if line not in known:
        yield "line names no item of this evaluation; use the form of the same run"
    if line in seen:
        yield f"line {line} is rated twice"
    wrong = [name for name, cell in cells.items() if cell not in {"1", "2", "3", "4", "5"}]
    if wrong:
        yield f"{', '.join(wrong)} must be a whole number from 1 to 5"


def _said(cell: str) -> bool | None:
    """Yes or no; None where the cell says neither."""
    return True if cell in _YES else False if cell in _NO else None


def _rated(item: str, cells: Mapping[str, str], uses: Sequence[bool | None], seed: int) -> Rated:
    first, second = (Ratings(**{name: int(cells[f"{name}_{side}"]) for name in CRITERIA}) for side in _SIDES)
    one, other = uses
    if _swapped(item, seed):
        return Rated(item=item, before=second, candidate=first, uses=(other, one))
    return Rated(item=item, before=first, candidate=second, uses=(one, other))


def review(rated: Sequence[Rated], evaluation: Evaluation) -> Review:
    """The verdict with people's ratings in it. Like the judge they can object to a promotion and cannot cause one."""
    before = evaluation.contestants[-2]
    scores = {one.item: (one.before.score, one.candidate.score) for one in rated}
    comparison = _comparison(list(scores.values()), before, evaluation)
    decision, reason = _verdict(comparison, NAMES[before], evaluation)
    metric = {
        row.id: (old, new)
        for row in evaluation.rows
        if (old := row.scores.get(before)) is not None and (new := row.scores.get("candidate")) is not None
    }
    measured = _signs(scores, metric)
    judged = _signs(scores, evaluation.judge.ratings if evaluation.judge else {})
    return Review(
        rated=len(rated),
        criteria={
            name: {each: fmean(getattr(getattr(one, side), each) for one in rated) for each in CRITERIA}
            for side, name in (("before", before), ("candidate", "candidate"))
            if rated
        },
        comparison=comparison,
        metric_agreement=_agreement(measured),
        metric_kappa=_kappa(measured),
        judge_agreement=_agreement(judged),
        judge_kappa=_kappa(judged),
        judge_too_kind=_too_kind(scores, evaluation.judge.ratings if evaluation.judge else {}),
        uses={
            name: fmean(said)
            for side, name in enumerate((before, "candidate"))
            if (said := [use for one in rated if (use := one.uses[side]) is not None])
        },
        measured=evaluation.decision,
        decision=decision,
        reason=reason,
    )


def _comparison(pairs: Sequence[tuple[float, float]], before: str, evaluation: Evaluation) -> Comparison | None:
    if len(pairs) < 2:
        return None
    return compare(
        pairs,
        against=before,
        title="People's rating",
        minimum_gain=0.0,
        confidence=evaluation.gates.confidence,
    )


def _verdict(comparison: Comparison | None, other: str, evaluation: Evaluation) -> tuple[Decision, str]:
    if comparison is None:
        return evaluation.decision, f"Fewer than two items are rated, so the verdict stays: {evaluation.reason}"
    if evaluation.decision == "promote" and comparison.fell:
        return "do_not_promote", f"People object: {comparison.reason}"
    found = "find the custom model worse than" if comparison.fell else "find the custom model better than"
    if not (comparison.fell or comparison.better):
        found = "see no difference beyond chance between the custom model and"
    return evaluation.decision, (
        f"People {found} {other}, over {comparison.items} items; the verdict stays: {evaluation.reason}"
    )


def _too_kind(people: Mapping[str, tuple[float, float]], judge: Mapping[str, tuple[float, float]]) -> float | None:
    """How often the judge rates the custom model's answer a step of the scale, a quarter, above people or more."""
    both = [(judge[item][1], people[item][1]) for item in people if item in judge]
    return fmean(rated - own >= _STEP for rated, own in both) if both else None


def _signs(one: Mapping[str, tuple[float, float]], other: Mapping[str, tuple[float, float]]) -> list[tuple[int, int]]:
    """For each item in both, which answer either prefers: -1, 0 or 1."""
    return [(_sign(one[key]), _sign(other[key])) for key in one if key in other]


def _sign(scores: tuple[float, float]) -> int:
    before, after = scores
    return (after > before) - (after < before)


def _agreement(signs: Sequence[tuple[int, int]]) -> float | None:
    return fmean(one == other for one, other in signs) if signs else None


def _kappa(signs: Sequence[tuple[int, int]]) -> float | None:
    """Cohen's kappa (Cohen 1960); None where chance alone would agree on everything."""
    agreement = _agreement(signs)
    if agreement is None:
        return None
    by_chance = sum(_share(signs, 0, each) * _share(signs, 1, each) for each in (-1, 0, 1))
    return None if by_chance == 1 else (agreement - by_chance) / (1 - by_chance)


def _share(signs: Iterable[tuple[int, int]], side: int, value: int) -> float:
    return fmean(pair[side] == value for pair in signs)
