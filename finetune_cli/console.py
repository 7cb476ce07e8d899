"""What a person reads: wrapped and coloured on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from finetune.foreign import block, line

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "good": "1;32", "bad": "1;31", "": ""}
_NARROWEST, _WIDEST = 40, 100


class Console:
    """Paragraphs on a stream; without one, where a program reads the answer, nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        person = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = person and not os.environ.get("NO_COLOR")
        self._width = min(max(_columns(stream), _NARROWEST), _WIDEST) if stream and person else None
        # A name that this stream's encoding lacks is written as far as possible.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")

    @property
    def silent(self) -> bool:
        return self._stream is None

    def say(self, text: str = "", *, style: str = "", indent: int = 0, hanging: int = 0) -> None:
        """One paragraph; further lines of it are indented by `hanging` more."""
        text = line(text)
        first, further = " " * indent, " " * (indent + hanging)
        lines = [first + text]
        if self._width and text:
            import textwrap  # noqa: PLC0415 - only a terminal waits for it

            lines = textwrap.wrap(
                text, self._width, initial_indent=first, subsequent_indent=further, break_on_hyphens=False
            )
        code = _STYLES[style] if self._colour else ""
        for each in lines:
            self._print(f"\x1b[{code}m{each}\x1b[0m" if code and each else each)

    def write(self, *lines: str) -> None:
        """Lines as they are, such as tables and what is long enough to be copied."""
        if lines:
            self._print(block(*lines))

    @property
    def live(self) -> bool:
        """Whether a line can be written over: a person looks at a terminal."""
        return self._width is not None

    def passing(self, text: str) -> None:
        """The last line of a terminal, in place of the one before; nothing elsewhere, and an empty text clears it."""
        if self._stream and self._width:
            print(f"\r\x1b[K{line(text)[: self._width - 1]}", end="", file=self._stream, flush=True)

    def _print(self, text: str) -> None:
        if self._stream:
            print(text, file=self._stream)

    def warn(self, text: str) -> None:
        """A line beside the answer, on standard error."""
        if self._stream:
            complain(text)


def agreed(console: Console, question: str) -> bool:
    """Whether the person at the keyboard says yes; where nobody can be asked, the answer is no."""
    if console.silent or not sys.stdin.isatty():
        return False
    complain(question, end="")
    return sys.stdin.readline().strip().lower() == "yes"


def apart(paragraphs: Iterable[str]) -> list[str]:
    """Paragraphs with an empty line between them."""
    return [each for paragraph in paragraphs for each in ("", paragraph)][1:]


def complain(text: str, *, end: str = "\n") -> None:
    """A line on standard error, whoever reads the answer."""
    print(line(text), end=end, file=sys.stderr, flush=True)


def tell(answer: str) -> None:
    """What a command line asks to be printed: JSON in ASCII, or a text of ours such as the help."""
    print(answer)


def _columns(stream: TextIO) -> int:
    """The columns of a terminal; of one that does not know them, 80."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
