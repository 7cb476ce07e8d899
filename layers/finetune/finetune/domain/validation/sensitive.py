"""Personal data and secrets in texts: found by kind, never quoted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import NamedTuple


class _Kind(NamedTuple):
    """What is looked for where one of the `hints` is in the text."""

    code: str
    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda _: True


# The digit sums of the doubles.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _luhn(text: str) -> bool:
    """Whether digits end in the check digit that payment cards have."""
    digits = text.replace(" ", "").replace("-", "")
    doubled = map(_DOUBLED.__getitem__, map(int, digits[-2::-2]))
    return len(set(digits)) > 1 and (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    """Whether an account number has the check digits of ISO 13616."""
    compact = text.replace(" ", "")
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


_TEXTUAL = (
    _Kind(
        "personal-data",
        "an e-mail address",
        ("@",),
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?!example\.)[\w-]{1,63}(?:\.[\w-]{2,63})+"),
    ),
    _Kind("secret", "an AWS access key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    _Kind("secret", "a private key", ("PRIVATE KEY",), re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----")),
    _Kind("secret", "a GitHub token", ("ghp_", "gho_", "ghs_", "ghu_"), re.compile(r"\bgh[posu]_[A-Za-z0-9]{36}\b")),
    _Kind("secret", "a Slack token", ("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    _Kind("secret", "an API key", ("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    _Kind("secret", "a JSON web token", ("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+")),
    # Bounded, because each of many passwords in a row would be looked at to the end of all.
    _Kind(
        "secret",
        "a password",
        ("assword",),
        re.compile(r"\b[Pp]assword\s?[:=]\s?(?=\S{0,63}\d)(?=\S{0,63}[A-Za-z])\S{8}"),
    ),
)
_NUMERIC = (
    _Kind("personal-data", "a card number", (), re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])"), _luhn),
    _Kind(
        "personal-data",
        "a phone number",
        (),
        re.compile(r"(?<![\w+])\+\d[\d ()./-]{7,16}\d(?!\w)|\(\d{3}\) ?\d{3}[ -]\d{4}\b"),
    ),
    _Kind(
        "personal-data", "a social security number", (), re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-\d\d-\d{4}(?![\d-])")
    ),
    _Kind(
        "personal-data",
        "a bank account number",
        (),
        re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        _iban,
    ),
)
_FEWEST_DIGITS = 9
# What is sensitive shows in capitals, digits and marks. Without its small letters a text is short, and looking for
# something in it costs little. Where a word was, two spaces meet. A token is looked for by the mark in it.
_SMALL = b"abcdefghijklmnopqrstuvwxyz"
_CAPITALS = (b"PRIVATE KEY", b"AKIA", b"ASIA", b".J")  # the last is what is left of the .eyJ in JSON web tokens
_STEMS = {
    b"-": (b"sk", *(b"xox%c" % letter for letter in b"abprs")),
    b"_": tuple(b"gh%c" % letter for letter in b"posu"),
}
_DIGIT = bytes(0x30 if byte in b"0123456789" else 0x20 for byte in range(256))
_LONG_NUMBER = b"0" * _FEWEST_DIGITS


def may_be_sensitive(text: str) -> bool:
    """Whether `sensitive` could find something; cheap, and true of some texts that hold nothing."""
    data = text.encode()
    short = data.translate(None, _SMALL)
    return (
        b"@" in short
        or any(part in short for part in _CAPITALS)
        or _has_long_number(short.replace(b"  ", b"x"))
        or any(mark in short and any(map(bytes.endswith, data.split(mark), repeat(_STEMS[mark]))) for mark in _STEMS)
        or b"assword" in data
    )


def _has_long_number(data: bytes) -> bool:
    """Whether nine digits follow each other, with nothing between but what parts the digits of a number."""
    return _LONG_NUMBER in data.translate(_DIGIT, b" -()./")


def sensitive(text: str) -> Iterator[tuple[str, str]]:
    """The code and the name of each kind of personal data or secret that a text seems to hold."""
    for kind in _TEXTUAL:
        if any(hint in text for hint in kind.hints) and kind.pattern.search(text):
            yield kind.code, kind.name
    if _has_long_number(text.encode()):
        for kind in _NUMERIC:
            if any(kind.holds(match[0]) for match in kind.pattern.finditer(text)):
                yield kind.code, kind.name
