"""Texts of other people in ours: what stands in a mail, on a terminal, in an error, a state or a log passes here."""

from __future__ import annotations

import re

FOREIGN_CHARACTERS = 200
# What AWS says is longer, and may repeat texts of others.
SERVICE_CHARACTERS = 1_000
LINE_CHARACTERS = 2_000

# Letters, marks, selectors and tags that show nothing: default-ignorable in Unicode, or the empty braille pattern.
BLANK = r"\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0000-\U000e0fff"
# Controls, surrogates, noncharacters, and what shows nothing or turns the direction of text around. Kept are the two
# joiners, without which some languages and many emoji read differently, and one selector of colour after a symbol or
# in a keycap, because emoji are commonly written with it.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff"
    rf"\ud800-\udfff{BLANK}](?<![\xa9\xae\u203c-\u27ff\u2900-\u3163\u3165-\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f])"
    r"(?!(?<=\ufe0f)\u20e3)"
)


class Block(str):
    """Lines one below the other; only `block` makes it, so that no other text begins a line."""

    __slots__ = ()


def visible(text: str) -> str:
    """The text with characters that cannot be shown, or that disturb what stands around them, named in brackets."""
    unix = text.replace("\r\n", "\n")
    return _UNPRINTABLE.sub(lambda found: "\ufffd" if found[0] == "\ufffd" else f"[U+{ord(found[0]):04X}]", unix)


def line(text: str) -> str:
    """One line of ours that may hold texts of others: printable, and cut to 2,000 characters."""
    return _cut(visible(_cut(" ".join(text.split("\n")), LINE_CHARACTERS)).replace("\t", " "), LINE_CHARACTERS)


def foreign(text: object, most: int = FOREIGN_CHARACTERS) -> str:
    """A text of somebody else within a line: printable, its white space folded, cut to 200 characters.

    >>> foreign("a\\n\\nWhat to do: \\x1b[2J"), foreign("x" * 500, 9)
    ('a What to do: [U+001B][2J', 'xxxx…xxxx')
    """
    words = _cut(str(text), 4 * most).split()
    return _cut(visible(" ".join(_cut(word, FOREIGN_CHARACTERS) for word in words)), most)


def block(*lines: str) -> Block:
    """Lines one below the other, each of which stays one; a block among them keeps its own."""
    return Block("\n".join(each if isinstance(each, Block) else line(each) for each in lines))


def led(words: str, text: str) -> str:
    """A text after words of ours; a block stays one."""
    return Block(f"{line(words)} {text}") if isinstance(text, Block) else f"{words} {text}"


def _cut(text: str, most: int) -> str:
    """The beginning and the end of a text that is too long; the end of a key or a path is its name."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half]}…{text[len(text) - half :]}"
