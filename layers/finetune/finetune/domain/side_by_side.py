"""The answers of every contestant beside each other, largest gains and losses first, differences marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from finetune.domain.answers import Answer, Outcome
from finetune.domain.checks import results
from finetune.domain.comparison import NAMES, in_sentence
from finetune.domain.evaluation import Evaluation, ItemRow
from finetune.domain.evaluation_set import EvaluationItem
from finetune.domain.markup import Markup, join, section, shortened, tag
from finetune.domain.metrics import keywords_found

ITEMS_SHOWN = 25
_OPEN = 3
_PROMPT_CHARACTERS = 1_000
_ANSWER_CHARACTERS = 2_000
_SUMMARY_CHARACTERS = 110
_DIFF_WORDS = 400
_DIFF_COMMON = 0.3

HEADINGS: Mapping[str, str] = {"base": "Base model", "champion": "In service", "candidate": "Custom model"}
OUTCOME_WORDS: Mapping[Outcome, str] = {
    "answered": "Complete",
    "cut": "Cut at the length limit",
    "blocked": "Blocked by a filter",
    "unusable": "Unusable",
    "missing": "No answer",
}
Answers = Mapping[str, Mapping[str, Answer]]


def share(value: float | None) -> str:
    """A score as a percentage, or a dash where there is none."""
    return "\u2013" if value is None else f"{value:.1%}"


def side_by_side(evaluation: Evaluation | None, items: Sequence[EvaluationItem], answers: Answers) -> Markup:
    """The section with the answers, at most `ITEMS_SHOWN` of each group; texts appear here and nowhere else."""
    if not evaluation or not items:
        return Markup()
    before = evaluation.contestants[-2]
    by_id = {item.id: item for item in items}
    gains = [
        (new - old, row)
        for row in evaluation.rows
        if row.id in by_id
        and (new := row.scores.get("candidate")) is not None
        and (old := row.scores.get(before)) is not None
    ]
    gains.sort(key=lambda gain: (-abs(gain[0]), gain[1].line))
    groups = {
        "Largest gains": [row for gain, row in gains if gain > 0],
        "Largest losses": [row for gain, row in gains if gain < 0],
        "No difference": [row for gain, row in gains if gain == 0],
    }
    lead = join(
        f"Every item by its change in {in_sentence(evaluation.metric_title)} against "
        f"{NAMES[before]}. Words that only one of the two used are marked: ",
        tag("del", "before"),
        ", ",
        tag("ins", "now"),
        ".",
    )
    shown = (_group(title, rows, by_id, answers) for title, rows in groups.items() if rows)
    return section("Answers side by side", *shown, lead=lead)


def _group(title: str, rows: Sequence[ItemRow], by_id: Mapping[str, EvaluationItem], answers: Answers) -> Markup:
    opened = _OPEN if title != "No difference" else 0
    left = len(rows) - ITEMS_SHOWN
    return join(
        tag("h3", title, " ", tag("span", len(rows), class_="count")),
        *(_item(by_id[row.id], row, answers, index < opened) for index, row in enumerate(rows[:ITEMS_SHOWN])),
        tag("p", f"{left} more are in the run's answer files.", class_="note") if left > 0 else "",
    )


def _item(item: EvaluationItem, row: ItemRow, answers: Answers, opened: bool) -> Markup:
    question = next((turn.text for turn in reversed(item.messages) if turn.role == "user"), "")
    texts = [("System", item.system), *((turn.role.capitalize(), turn.text) for turn in item.messages)]
    return tag(
        "details",
        tag(
            "summary",
            tag("span", _one_line(question), class_="question"),
            tag("span", " \u2192 ".join(map(share, row.scores.values())), class_="scores"),
        ),
        tag("p", f"Line {item.line}", f" \u00b7 {item.category}" if item.category else "", class_="note"),
        *(_text(heading, text, "text") for heading, text in texts if text),
        _text("Reference", item.reference, "text reference") if item.reference is not None else "",
        tag("div", *(_card(one, item, row, answers) for one in row.scores), class_="cards"),
        open=opened,
    )


def _text(heading: str, text: str, class_: str) -> Markup:
    return tag("div", tag("h4", heading), tag("p", shortened(text, _PROMPT_CHARACTERS), dir="auto"), class_=class_)


def _one_line(text: str) -> str:
    line = " ".join(text[: 4 * _SUMMARY_CHARACTERS].split())
    return line if len(line) <= _SUMMARY_CHARACTERS else line[: _SUMMARY_CHARACTERS - 1] + "\u2026"


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
    marks = (tag("span", name, class_="pill good" if good else "pill missing") for name, good in named)
    return tag("p", *marks, class_="keywords")


def _diff(text: str, other: str, element: str) -> Markup:
    """The text with the words that the other one lacks marked, unless the two have little in common."""
    shown, hidden = text[:_ANSWER_CHARACTERS].strip(), text[_ANSWER_CHARACTERS:]
    own = re.findall(r"\S+\s*", shown)
    parts: Iterable[object] = [shown]
    matcher = SequenceMatcher(None, _words(own), _words(other[:_ANSWER_CHARACTERS].split()), autojunk=False)
    if _DIFF_COMMON <= matcher.ratio() < 1:
        runs = (("".join(own[start:end]), kind) for kind, start, end, _, _ in matcher.get_opcodes() if start < end)
        marked = (run if kind == "equal" else join(tag(element, run.rstrip()), " ") for run, kind in runs)
        parts = [*marked, "".join(own[_DIFF_WORDS:])]
    return join(*parts, tag("span", f"\u2026 [{len(hidden):,} more characters]", class_="note") if hidden else "")


def _words(tokens: Sequence[str]) -> list[str]:
    return [token.strip() for token in tokens[:_DIFF_WORDS]]
