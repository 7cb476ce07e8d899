"""The answers of every contestant beside each other, differences marked, to be sorted and filtered by the reader."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from finetune.domain.evaluation.answers import Answer, AnswerOutcome
from finetune.domain.evaluation.checks import results
from finetune.domain.evaluation.comparison import NAMES, in_sentence
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.metrics import keywords_found
from finetune.domain.evaluation.scoring import ItemRow
from finetune.domain.evaluation.significance import SAME
from finetune.domain.evaluation.verdict import Evaluation
from finetune.domain.report.markup import Attribute, Markup, join, one_line, section, shortened, signed, tag

ItemChange = Literal["gain", "loss", "same", "open"]

ITEMS_SHOWN = 25
_OPEN = 3
_TURNS_SHOWN = 8
_PILLS_SHOWN = 20
_PROMPT_CHARACTERS = 1_000
_ANSWER_CHARACTERS = 2_000
_SUMMARY_CHARACTERS = 110
_NAME_CHARACTERS = 60
_DIFF_WORDS = 400
_DIFF_COMMON = 0.3

_KINDS: Mapping[ItemChange, str] = {
    "loss": "losses",
    "gain": "gains",
    "same": "without a difference",
    "open": "not compared",
}

HEADINGS: Mapping[str, str] = {"base": "Base model", "champion": "In service", "candidate": "Custom model"}
OUTCOME_WORDS: Mapping[AnswerOutcome, str] = {
    "answered": "Complete",
    "empty": "Empty",
    "cut": "Cut at the length limit",
    "blocked": "Blocked by a filter",
    "unusable": "Unusable",
    "missing": "No answer",
}
Answers = Mapping[str, Mapping[str, Answer]]


def share(value: float | None) -> str:
    """A score as a percentage, or a dash where there is none."""
    return "\u2013" if value is None else f"{value:.1%}"


@dataclass(frozen=True, slots=True)
class _Change:
    """One item with the change of its score; None where a contestant has none."""

    item: EvaluationItem
    row: ItemRow
    before: str
    points: float | None

    @property
    def kind(self) -> ItemChange:
        if self.points is None:
            return "open"
        return "same" if abs(self.points) <= 100 * SAME else "gain" if self.points > 0 else "loss"


def side_by_side(evaluation: Evaluation | None, items: Sequence[EvaluationItem], answers: Answers) -> Markup:
    """The section with the answers, at most `ITEMS_SHOWN` of each kind; no other section shows texts.

    Without a script the list is complete and sorted by the size of the change. Each row holds its rank in every other
    order as data.
    """
    if not evaluation or not items:
        return Markup()
    before = evaluation.contestants[-2]
    changes = _changes(evaluation, items, before)
    shown = _shown(changes)
    lead = join(
        f"Items by their change in {in_sentence(evaluation.metric_title)} against {NAMES[before]}, in points. "
        "Words that only one of the two used are marked: ",
        tag("del", "before"),
        ", ",
        tag("ins", "now"),
        ".",
    )
    categories = sorted({change.item.category for change in shown if change.item.category is not None})
    return section(
        "Answers side by side",
        _choices(shown, categories),
        tag("div", *_rows(shown, categories, answers), class_="answers"),
        _left_out(changes, shown),
        tag(
            "p",
            "For a human review, human-review.csv beside this report holds a sample of these answers without the "
            "models' names, and answers.csv holds all of them for a program of your own to score. The command "
            "finetune review reads either back into the verdict.",
            class_="note",
        ),
        lead=lead,
    )


def _changes(evaluation: Evaluation, items: Sequence[EvaluationItem], before: str) -> list[_Change]:
    """Every item by the size of its change, those without one last."""
    by_id = {item.id: item for item in items}
    changes = []
    for row in evaluation.rows:
        if row.id in by_id:
            old, new = row.scores.get(before), row.scores.get("candidate")
            points = None if old is None or new is None else 100 * (new - old)
            changes.append(_Change(by_id[row.id], row, before, points))
    return sorted(changes, key=lambda change: (-_size(change), change.item.line))


def _size(change: _Change) -> float:
    return -1.0 if change.points is None else abs(change.points)


def _shown(changes: Sequence[_Change]) -> list[_Change]:
    """The first `ITEMS_SHOWN` of each kind, in their order."""
    left = dict.fromkeys(_KINDS, ITEMS_SHOWN)
    shown = []
    for change in changes:
        if left[change.kind]:
            left[change.kind] -= 1
            shown.append(change)
    return shown


def _choices(shown: Sequence[_Change], categories: Sequence[str]) -> Markup:
    """What to sort and filter by; hidden until the page's script has taken charge of it."""
    orders = {
        "size": "Largest changes first",
        "loss": "Largest losses first",
        "gain": "Largest gains first",
        "line": "As in the file",
    }
    counts = Counter(change.kind for change in shown)
    kinds = {str(kind): f"{words.capitalize()} ({counts[kind]})" for kind, words in _KINDS.items() if counts[kind]}
    names = {str(index): one_line(name, _NAME_CHARACTERS) for index, name in enumerate(categories)}
    return tag(
        "div",
        _select("Order", "order", orders),
        _select("Show", "kind", {"": "All", **kinds}),
        _select("Category", "category", {"": "All", **names}) if len(names) > 1 else "",
        tag("output"),
        class_="choices",
        hidden=True,
    )


def _select(label: str, name: str, options: Mapping[str, str]) -> Markup:
    written = (tag("option", words, value=value) for value, words in options.items())
    return tag("label", tag("span", label), tag("select", *written, name=name, autocomplete="off"))


def _rows(shown: Sequence[_Change], categories: Sequence[str], answers: Answers) -> Iterable[Markup]:
    ranks = {
        "loss": _ranks(shown, lambda change: (change.points is None, change.points or 0.0)),
        "gain": _ranks(shown, lambda change: (change.points is None, -(change.points or 0.0))),
        "line": _ranks(shown, lambda change: change.item.line),
    }
    for index, change in enumerate(shown):
        category = change.item.category
        yield _row(
            change,
            answers,
            open=index < _OPEN and change.kind in ("gain", "loss"),
            data_kind=change.kind,
            data_category=None if category is None else categories.index(category),
            data_size=index,
            **{f"data_{order}": rank[index] for order, rank in ranks.items()},
        )


def _ranks(shown: Sequence[_Change], key: Callable[[_Change], Any]) -> dict[int, int]:
    """The place of each row in another order; rows that are equal there keep theirs."""
    order = sorted(range(len(shown)), key=lambda index: key(shown[index]))
    return {index: place for place, index in enumerate(order)}


def _left_out(changes: Sequence[_Change], shown: Sequence[_Change]) -> Markup:
    counts = Counter(change.kind for change in changes)
    counts.subtract(change.kind for change in shown)
    left = ", ".join(f"{counts[kind]:,} {words}" for kind, words in _KINDS.items() if counts[kind])
    if not left:
        return Markup()
    return tag("p", f"The smallest changes are not shown, but are in the run's answer files: {left}.", class_="note")


def _row(change: _Change, answers: Answers, **attributes: Attribute) -> Markup:
    item, row, turns = change.item, change.row, change.item.messages
    question = one_line(next((turn.text for turn in reversed(turns) if turn.role == "user"), ""), _SUMMARY_CHARACTERS)
    place = [f"Line {item.line}", *([one_line(item.category, _NAME_CHARACTERS)] if item.category else [])]
    return tag(
        "details",
        tag(
            "summary",
            tag("span", question, class_="question"),
            tag("span", *_scores(change), class_="scores"),
        ),
        tag("p", " \u00b7 ".join(place), class_="note"),
        _text("System", item.system, "text") if item.system else "",
        *(() if [turn.text for turn in turns] == [question] else _turns(turns)),
        _text("Reference", item.reference, "text reference") if item.reference is not None else "",
        tag("div", *(_card(one, item, row, answers) for one in row.scores), class_="cards"),
        **attributes,
    )


def _scores(change: _Change) -> tuple[object, ...]:
    """Before, now, and by how much."""
    scores = change.row.scores
    words = join(share(scores[change.before]), " \u2192 ", share(scores["candidate"]))
    if change.points is None:
        return (words,)
    tone = {"gain": " up", "loss": " down"}.get(change.kind, "")
    return words, " ", tag("span", signed(change.points), class_=f"change{tone}")


def _turns(turns: Sequence[Turn]) -> Iterable[Markup]:
    """The end of a conversation."""
    earlier = len(turns) - _TURNS_SHOWN
    if earlier > 0:
        yield tag("p", f"{earlier} earlier turns are left out", class_="note")
    for turn in turns[-_TURNS_SHOWN:]:
        yield _text(turn.role.capitalize(), turn.text, "text")


def _text(heading: str, text: str, class_: str) -> Markup:
    return tag("div", tag("h4", heading), tag("p", shortened(text, _PROMPT_CHARACTERS), dir="auto"), class_=class_)


def _card(contestant: str, item: EvaluationItem, row: ItemRow, answers: Answers) -> Markup:
    heading = tag("h4", HEADINGS[contestant], " ", tag("span", share(row.scores[contestant]), class_="score"))
    answer = answers.get(contestant, {}).get(item.id) or Answer(id=item.id)
    outcome = row.outcomes[contestant]
    if outcome == "missing":
        return tag("div", heading, _remark("No answer", answer.error), class_=f"card {contestant}")
    others = [one for one in row.scores if (one == "candidate") != (contestant == "candidate")]
    other = answers.get(others[-1], {}).get(item.id)
    remark = "" if outcome == "answered" else OUTCOME_WORDS[outcome]
    return tag(
        "div",
        heading,
        tag(
            "p",
            _diff(answer.text, other.text if other else "", "ins" if contestant == "candidate" else "del"),
            dir="auto",
        )
        if answer.text.strip()
        else _remark("Empty"),
        _remark(remark) if remark else "",
        _keywords(answer.text, item.expected_keywords) if item.expected_keywords else "",
        _pills(results(answer.text, item.checks)) if item.checks else "",
        class_=f"card {contestant}",
    )


def _remark(words: str, code: str | None = None) -> Markup:
    return tag("p", f"{words}: {code}" if code else words, class_="note")


def _keywords(text: str, keywords: Sequence[str]) -> Markup:
    found = set(keywords_found(text, keywords))
    return _pills((word, word in found) for word in keywords)


def _pills(named: Iterable[tuple[str, bool]]) -> Markup:
    marks = [
        tag("span", one_line(name, _NAME_CHARACTERS), class_="pill good" if good else "pill missing")
        for name, good in named
    ]
    more = len(marks) - _PILLS_SHOWN
    return tag("p", *marks[:_PILLS_SHOWN], f"and {more:,} more" if more > 0 else "", class_="keywords")


def _diff(text: str, other: str, element: str) -> Markup:
    """The text with the words that the other one lacks marked, unless the two have little in common."""
    shown, hidden = text[:_ANSWER_CHARACTERS].strip(), text[_ANSWER_CHARACTERS:]
    own = re.findall(r"\S+\s*", shown)
    parts: Iterable[object] = [shown]
    matcher = SequenceMatcher(None, _words(own), _words(other[:_ANSWER_CHARACTERS].split()), autojunk=False)
    if _DIFF_COMMON <= matcher.ratio() < 1:
        runs = (("".join(own[start:end]), kind) for kind, start, end, _, _ in matcher.get_opcodes() if start < end)
        marked = (run if kind == "equal" else _marked(run, element) for run, kind in runs)
        parts = [*marked, "".join(own[_DIFF_WORDS:])]
    return join(*parts, tag("span", f"\u2026 [{len(hidden):,} more characters]", class_="note") if hidden else "")


def _marked(run: str, element: str) -> Markup:
    """Words as changed ones; the space behind them is not."""
    words = run.rstrip()
    return join(tag(element, words), run[len(words) :])


def _words(tokens: Sequence[str]) -> list[str]:
    return [token.strip() for token in tokens[:_DIFF_WORDS]]
