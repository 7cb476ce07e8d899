"""Showing a run: a calm live table on a terminal, plain lines anywhere else."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from finetune_cli.history import settled
from local.watch import Activity, View
from local.words import MARKS, Line, Section, activity_line, count, duration, state_line

STYLES = {"running": "yellow", "done": "green", "failed": "red"}
NEVER_WRAPPED = 10_000
NAME_WIDTH, SECONDS_WIDTH, SERVICE_WIDTH = 29, 9, 11
NARROW = 70
LINES_BESIDE_TABLE = 4
REMINDER_SECONDS = 15.0


class Terminal:
    """Where a run is shown."""

    def __init__(self, stream: TextIO, *, reminder_seconds: float = REMINDER_SECONDS) -> None:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")
        self._console = Console(file=stream, highlight=False, force_terminal=stream.isatty())
        self._live = self._console.is_terminal and not self._console.is_dumb_terminal
        if not self._live:
            self._console.width = NEVER_WRAPPED
        self._reminder_seconds = reminder_seconds
        self._steps: list[str] = []
        self._lock = threading.Lock()
        self._status = self._console.status("")

    def say(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """One paragraph; a terminal breaks it at words."""
        paragraph = Text(text, style=style)
        self._console.print(Padding(paragraph, (0, 0, 0, indent), expand=False) if text else "")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step of the preparations with its seconds; steps may overlap."""
        started, status, over = time.monotonic(), "failed", threading.Event()
        self._change_steps([*self._steps, title])
        if not self._live:
            threading.Thread(target=self._remind, args=(title, started, over), daemon=True).start()
        try:
            yield
            status = "done"
        finally:
            over.set()
            self._change_steps([step for step in self._steps if step != title])
            self._print_line(Line(status, title, duration(time.monotonic() - started), "", ""))

    def follow(self, views: Iterable[View]) -> View:
        """Show an execution until its end; its last view."""
        return self._follow_live(views) if self._live else self._follow_plainly(views)

    def summarise(self, sections: Sequence[Section]) -> None:
        """The summary, part by part."""
        for section in sections:
            self.say("")
            self.say(section.title, style="bold")
            for line in section.lines:
                if section.verbatim:
                    self._console.print(Text(line), soft_wrap=True)
                else:
                    self.say(line, indent=2)

    def _remind(self, title: str, started: float, over: threading.Event) -> None:
        """Report regularly that a step still runs, where there is no live display."""
        while not over.wait(self._reminder_seconds):
            self.say(f"... {title}, {duration(time.monotonic() - started)} so far")

    def _change_steps(self, steps: list[str]) -> None:
        with self._lock:
            self._steps = steps
            if self._live and steps:
                self._status.update(", ".join(steps))
                self._status.start()
            else:
                self._status.stop()

    def _print_line(self, line: Line) -> None:
        times = f"{line.seconds:>{SECONDS_WIDTH}} {line.service:>{SERVICE_WIDTH}}"
        columns = f" {line.name:<{NAME_WIDTH}} {times} {line.note}"
        self._console.print(Text.assemble((MARKS[line.status], STYLES[line.status]), columns.rstrip()), soft_wrap=True)

    def _follow_live(self, views: Iterable[View]) -> View:
        view: View | None = None
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            for view in views:
                live.update(self._picture(view), refresh=True)
        assert view is not None  # noqa: S101  # a watch shows the execution at least once
        self._console.print(self._table(_lines(view), whole=True))
        return view

    def _picture(self, view: View) -> RenderableType:
        """What fits on the screen: the latest states, then the activities of Bedrock."""
        lines = _lines(view)
        room = max(3, self._console.height - LINES_BESIDE_TABLE - len(view.activities))
        running = duration(view.real_seconds)
        elapsed = f"{running}, {duration(view.seconds)} of service time" if view.timeline.scale != 1 else running
        earlier = [Text(f"  {count(len(lines) - room, 'state')} before", style="dim")] if len(lines) > room else []
        return Group(*earlier, self._table(lines[-room:]), *map(_activity, view.activities), Text(elapsed, style="dim"))

    def _table(self, lines: Sequence[Line], *, whole: bool = False) -> Table:
        """Notes get the width that is left, cut or `whole`; on a narrow terminal there is no service time."""
        narrow = self._console.width < NARROW
        table = Table.grid(padding=(0, 1, 0, 0), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis", width=min(NAME_WIDTH, self._console.width // 2))
        table.add_column(no_wrap=True, justify="right", width=SECONDS_WIDTH)
        if not narrow:
            table.add_column(no_wrap=True, justify="right", width=SERVICE_WIDTH)
        table.add_column(no_wrap=not whole, overflow="fold" if whole else "ellipsis", ratio=1, style="dim")
        for line in lines:
            mark = Text(MARKS[line.status], style=STYLES[line.status])
            name = Text(line.name, style="bold" if line.status == "running" else "")
            note = Text(line.note, style="red" if line.status == "failed" else "")
            table.add_row(mark, name, line.seconds, *([] if narrow else [line.service]), note)
        return table

    def _follow_plainly(self, views: Iterable[View]) -> View:
        """One line for each state that no loop can enter again, for each Map that begins, and for each new activity."""
        told: set[str] = set()
        printed = 0
        view: View | None = None
        for view in views:
            over = len(view.rows) if view.status != "RUNNING" else settled(view.rows)
            for line in _lines(view)[printed:over]:
                self._print_line(line)
            printed = max(printed, over)
            going_on = [row.name for row in view.rows[printed:] if row.kind == "Map"]
            for news in [*going_on, *map(activity_line, view.activities)]:
                if news not in told:
                    told.add(news)
                    self.say(f"... {news}")
        assert view is not None  # noqa: S101  # a watch shows the execution at least once
        return view


def _lines(view: View) -> list[Line]:
    return [state_line(row, view.now, view.timeline) for row in view.rows]


def _activity(activity: Activity) -> RenderableType:
    line = Text(f"  {activity_line(activity)}", style="cyan", overflow="ellipsis", no_wrap=True)
    if not activity.total:
        return line
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_row(line, ProgressBar(total=activity.total, completed=activity.done, width=20))
    return row
