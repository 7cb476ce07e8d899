"""Words for people: fitted to a terminal, plain anywhere else, none for programs."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from finetune_cli.console import Console
from tests.command import EXAMPLE


def in_terminal(arguments: list[str], **environment: str) -> str:
    """What the command shows on a terminal of 80 columns."""
    master, slave = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
        [sys.executable, "-m", "finetune_cli.main", *arguments],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm", **environment},
    )
    os.close(slave)
    shown = b""
    with open(master, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
        while True:
            try:
                piece = screen.read(4096)
            except OSError:  # how a terminal says that nobody is there any more
                break
            if not piece:
                break
            shown += piece
    process.wait()
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_lines_that_fit() -> None:
    shown = in_terminal(["check", str(EXAMPLE / "broken.jsonl")])
    assert "\x1b[31m" in shown
    plain = in_terminal(["check", str(EXAMPLE / "broken.jsonl")], NO_COLOR="1")
    assert "\x1b" not in plain
    words = [line for line in plain.splitlines() if str(EXAMPLE) not in line]
    assert max(map(len, words)) <= 80


def test_what_an_encoding_cannot_spell_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Console(stream).say("naïve")
    stream.flush()
    assert raw.getvalue() == b"na?ve\n"


def test_a_program_is_told_nothing_but_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(None)
    console.say("a paragraph")
    console.write("a line")
    console.warn("a warning")
    assert console.silent
    assert capsys.readouterr() == ("", "")


def test_a_warning_goes_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    Console(sys.stdout).warn("warning: look")
    assert capsys.readouterr() == ("", "warning: look\n")


class Screen(io.StringIO):
    """A terminal that does not know its columns, which are then 80."""

    def isatty(self) -> bool:
        return True


def test_a_passing_line_is_cleared_before_the_next_and_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    console = Console(screen)
    console.passing("\x1b[2J" + "x" * 200)
    assert console.live
    assert screen.getvalue() == "\r\x1b[K" + ("[U+001B][2J" + "x" * 200)[:79]
    plain = io.StringIO()
    Console(plain).passing("news")
    assert (plain.getvalue(), Console(plain).live) == ("", False)
