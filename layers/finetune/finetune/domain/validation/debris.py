"""What exports leave in texts: markup, encoded data, and values as a program prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetune.domain.findings import Flaw

# Without one of these there is nothing to look for; looking for a single character costs next to nothing.
SIGNS = "<&[{`(\\"

_TAG = re.compile(
    r"<(?:br ?/?|/?(?:p|div|span|strong|em|ul|ol|li|td|tr|table|font|h[1-6])|/[abiu]"
    r"|(?:a|p|div|span|img|td|table|font) [^<>]{1,200})>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:nbsp|amp|quot|lt|gt|apos|#x?[0-9a-fA-F]{1,6});")
_IMAGE = re.compile(r"!\[[^\]\n]{0,100}\]\(")
_ESCAPED = re.compile(r"\\\*\\\*|\\_\\_")
# Who asks for markup or for a program gets it.
_OF_MARKUP = re.compile(
    r"html|xml|markup|markdown|\bcss\b|javascript|jsx|svg|<!doctype|\btags?\b|web ?page|website|\bcode\b|entit",
    re.IGNORECASE,
)
_OF_PROGRAMS = re.compile(r"python|\bcode\b|array|tuple|\bdict|function|\bprint\b|javascript|program", re.IGNORECASE)
_LITERAL = re.compile(
    r"\s*(?:[\[{]\s*(?:u?'|None\b|True\b|False\b)|\(\s*u?'[^']*',|(?:OrderedDict|Decimal|Timestamp|dict_keys|array)\()"
)
_NO_VALUES = frozenset(
    {"nan", "NaN", "NaT", "<NA>", "undefined", "[object Object]", "#N/A", "#REF!", "#VALUE!", "#NAME?"}
)
# What programs hold that write markup.
_PROGRAM = re.compile(
    r"```|<\?php|<!doctype|\bclassName\b|=>|[;{]\n|^[ \t]{0,40}(?:import|const|export|def|return|echo|class)\b",
    re.IGNORECASE | re.MULTILINE,
)
# As long as a line of mail that is encoded.
_LONG_WORD = 76
_ENCODED = re.compile(r"[A-Za-z0-9+/]{76,}={0,2}")


def markup(text: str) -> Iterator[Flaw]:
    """Markup that nobody asked for in a record, its parts with zeros between them."""
    asked, _, answer = text.rpartition("\0")
    found = []
    if "<" in text and _TAG.search(text):
        found.append("HTML tags")
    if "&" in text and _ENTITY.search(text):
        found.append("HTML entities")
    if "![" in text and _IMAGE.search(text):
        found.append("a picture in Markdown")
    if "\\" in text and _ESCAPED.search(text):
        found.append("escaped marks of Markdown")
    if found and not _OF_MARKUP.search(asked) and not _PROGRAM.search(answer):
        yield Flaw("markup", f"holds {' and '.join(found)}")
    if answer.count("```") % 2:
        yield Flaw("markup", "has an answer with a block of code that is not closed")


def literal(text: str) -> Iterator[Flaw]:
    """An answer that is a value as a program prints it."""
    asked, _, answer = text.rpartition("\0")
    if _LITERAL.match(answer) and answer.rstrip()[-1] in ")]}" and not _OF_PROGRAMS.search(asked):
        yield Flaw("program-literal", "has an answer that is a value as a program prints it, neither words nor JSON")


def no_value(asked: str, answer: str) -> bool:
    """Whether an answer is what a program writes where there is none, unless the prompt has it too.

    >>> no_value("which room", " nan "), no_value("is it nan", "nan")
    (True, False)
    """
    bare = answer.strip()
    return bare in _NO_VALUES and bare not in asked


def encoded(text: str) -> Iterator[Flaw]:
    """Bytes that were written as letters, as of a picture."""
    begin = _long_word(text)
    for found in _ENCODED.finditer(text, begin) if begin >= 0 else ():
        if _mixed(found[0]):
            if "base64" not in text.replace(";base64,", "").lower():
                yield Flaw("encoded-data", f"holds {len(found[0]):,} characters that seem to be encoded data")
            return


def _long_word(text: str) -> int:
    """Where so many characters without a space begin first, or -1; it looks at few of the others."""
    begin = 0
    while begin + _LONG_WORD <= len(text):
        space = text.rfind(" ", begin, begin + _LONG_WORD)
        if space < 0:
            return begin
        begin = space + 1
    return -1


def _mixed(word: str) -> bool:
    """Whether it has letters of both cases and digits, unlike words, numbers and checksums."""
    return not (word.islower() or word.isupper()) and any(map(str.isdigit, word[:_LONG_WORD]))
