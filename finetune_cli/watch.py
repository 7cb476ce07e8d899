"""`finetune watch`: a run as it goes, until it ends; anybody may stop watching and begin again."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from finetune.errors import ServiceBusy
from finetune.letter import of_stack
from finetune_cli import past, stack, states
from finetune_cli.activity import Activities
from finetune_cli.answer import Answer
from finetune_cli.commands.watch import Options
from finetune_cli.console import Console
from finetune_cli.history import settled
from finetune_cli.past import Past
from finetune_cli.runs import facts

if TYPE_CHECKING:
    from finetune.aws.removal import Removing
    from finetune_cli.history import Row

# So many of the project's last runs tell how long one takes.
_EARLIER = 5


def run(options: Options, console: Console) -> Answer:
    """Yes when the run ends with its model in service."""
    by = stack.removing(options.stack)
    found = past.find(by, options.run)
    console.say(found.name, style="bold")
    if found.going and (end := _expected_end(by, found)):
        console.say(end)
    try:
        found = _to_its_end(by, found, options.every, _Shown(console), Activities(by, options.stack))
    except KeyboardInterrupt:
        console.passing("")
        console.say(f"Run {found.name} goes on; `finetune watch {found.name}{of_stack(options.stack)}` shows it again.")
        raise
    console.passing("")
    told = ": ".join(filter(None, (found.verdict, found.reason)))
    console.say(told, style="good" if found.verdict == "promoted" else "")
    console.say(f"Cost: {found.cost}. `finetune show {found.name}{of_stack(options.stack)}` tells the rest.")
    return Answer(found.verdict == "promoted", dict(facts(found)))


def _to_its_end(by: Removing, found: Past, seconds: int, shown: _Shown, activities: Activities) -> Past:
    """Look at the run again and again until it has ended; what AWS does not answer is asked again."""
    while True:
        try:
            found = past.look(by, found.folder) or found
            table = states.of(by.stepfunctions, found)
            news = activities.of(found, table) if found.going else []
        except ServiceBusy as error:
            shown.say(f"AWS is asked again in {seconds} s: {error}")
        else:
            shown.show(table, news, found)
            if not found.going:
                return found
        time.sleep(seconds)


def _expected_end(by: Removing, found: Past) -> str:
    """When the run may end, by what the project's last runs with a verdict took; empty without one."""
    folders = [each for each in past.newest(by, [found.slug], _EARLIER + 1) if each != found.folder]
    earlier = [each for each in past.look_at(by, folders) if each.execution and each.execution.stopped and each.judged]
    seconds = [
        (each.execution.stopped - each.started).total_seconds()
        for each in earlier
        if each.execution and each.execution.stopped
    ]
    if not seconds:
        return ""
    usual = median(seconds)
    end = found.started + timedelta(seconds=usual)
    last = "the project's last run" if len(seconds) == 1 else f"{len(seconds)} runs of the project"
    return f"Expected end: about {end:%Y-%m-%d %H:%M} UTC, because {last} took {states.duration(usual)}."


class _Shown:
    """What was said already: a line for each state that is over, and one for what goes on.

    On a terminal the last line is written again and again; elsewhere it is printed when it has changed.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed = 0
        self._told = ""

    def show(self, table: list[Row], news: list[str], found: Past) -> None:
        execution = found.execution
        now = (execution.stopped or execution.as_of) if execution else None
        if now is None:
            return
        over = settled(table) if found.going else len(table)
        for row in table[self._printed : over]:
            self.say(states.line(row, now))
        self._printed = max(self._printed, over)
        if found.going:
            self._status(table, news, now)

    def _status(self, table: list[Row], news: list[str], now: datetime) -> None:
        going = [row for row in table if row.status == "running"]
        words = "; ".join([*(row.name for row in going), *news])
        if self._console.live and going:
            # The inner state with its time; what is behind may be cut by a narrow terminal.
            state = f"{going[-1].name}, {states.duration(going[-1].seconds_until(now))}"
            self._console.passing("; ".join([f"... {state}", *news]))
        elif words != self._told:
            self._console.say(f"... {words}")
        self._told = words

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.passing("")
        self._console.say(text)
