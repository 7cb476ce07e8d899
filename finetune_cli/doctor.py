"""`finetune doctor`: ask AWS whether runs can work, and say what to mend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from finetune.aws import examination
from finetune.aws.examination import Line
from finetune.aws.examined import Examined, State
from finetune_cli import stack
from finetune_cli.answer import Answer
from finetune_cli.commands.doctor import Options
from finetune_cli.console import Console

# How each state is shown, the best first.
_STYLES: Mapping[State, str] = {"ok": "", "warning": "yellow", "not asked": "yellow", "wrong": "bad"}
_WORDS: Mapping[State, str] = {"ok": "ok", "warning": "warning", "not asked": "unknown", "wrong": "WRONG"}
_WIDTH = 14


def run(options: Options, console: Console) -> Answer:
    """Yes when nothing is wrong and everything could be asked."""
    stack.signed_in()
    by = Examined(options.stack, options.project, datetime.now(UTC))
    lines: list[Line] = []
    for question in examination.QUESTIONS:
        if not lines or lines[-1].group != question.group:
            if lines:
                console.say()
            console.say(question.group, style="bold")
        lines.append(examination.answer(question, by))
        _show(lines[-1], console)
    by_state = {state: [each.name for each in lines if each.found.state == state] for state in _STYLES}
    console.say()
    _sum_up(by_state, console)
    facts = {
        "stack": options.stack,
        "project": options.project,
        "lines": [{"group": each.group, "name": each.name, **each.found._asdict()} for each in lines],
        "counts": {state: len(names) for state, names in by_state.items()},
    }
    return Answer(not by_state["wrong"] and not by_state["not asked"], facts)


def _show(line: Line, console: Console) -> None:
    found = line.found
    indent = 2 + len("warning  ")
    console.say(
        f"{_WORDS[found.state]:<7}  {line.name:<{_WIDTH}}{found.text}",
        style=_STYLES[found.state],
        indent=2,
        hanging=indent + _WIDTH - 2,
    )
    if found.mend:
        console.say(found.mend, indent=indent + _WIDTH)


def _sum_up(by_state: Mapping[State, list[str]], console: Console) -> None:
    """The states that need somebody, the worst last."""
    ok = len(by_state["ok"])
    console.say(f"{ok} of {sum(map(len, by_state.values()))} are ok.")
    sentences: Mapping[State, str] = {
        "warning": "Works, but look at: {}.",
        "not asked": "Could not be asked, so it may be wrong: {}.",
        "wrong": "Wrong: {}.",
    }
    for state, sentence in sentences.items():
        if by_state[state]:
            console.say(sentence.format(", ".join(by_state[state])), style=_STYLES[state])
