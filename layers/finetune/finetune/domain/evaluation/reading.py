"""What a text says, whatever its form: numbers, amounts, words, labels and JSON, as both sides are read for a score."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson

# Scripts written without spaces, where one character counts as one word: Han and kana, and with their marks those
# of Thailand, Laos, Myanmar and Cambodia.
UNSPACED = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u1000-\u102a\u1780-\u17b3"
)
# Vowel signs and other marks, which Python's own classes take for the end of a word.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u0900-\u0903\u093a-\u094f\u0951-\u0957"
    r"\u0962\u0963\u0981-\u0983\u09bc-\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83"
    r"\u0abc-\u0acd\u0ae2\u0ae3\u0b01-\u0b03\u0b3c-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bd7\u0c00-\u0c04\u0c3c-\u0c56"
    r"\u0c62\u0c63\u0c81-\u0c83\u0cbc-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d62\u0d63\u0dca-\u0df3"
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84\u102b-\u103e\u17b4-\u17d3\u200c\u200d"
)
NO_MARK = rf"[^\W_{UNSPACED}]"
LETTER = rf"(?:{NO_MARK}|[{_MARKS}])"
_WORD = re.compile(rf"(?<![\w.])-?\d+(?:\.\d+)?(?!{LETTER})|[{UNSPACED}][{_MARKS}]*|{LETTER}+")
# The same where there are no other letters, three times as fast.
_ASCII_WORD = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![a-z0-9])|[a-z0-9]+")
_TYPOGRAPHY = str.maketrans("\u2018\u2019\u201c\u201d\u2010\u2011\u2012\u2013\u2014\u2212", "''\"\"------")

_DIGIT = re.compile(r"\d")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:([,' \u2009\u202f])\d{3})(?:\1\d{3})*(?![\d])")
_CONTINENTAL = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?!\d)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d{1,2})(?![\d,]|\.\d)")
_NUMBER = re.compile(r"(?<![\w.])(\d++)(?:\.(\d++))?(?!\.\d)")
_CURRENCIES = {"$": "usd", "us$": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "euro": "eur", "euros": "eur"}
_CURRENCIES |= {"£": "gbp", "pounds": "gbp", "¥": "jpy", "yen": "jpy", "₹": "inr", "rupees": "inr"}
_CURRENCIES |= {code: code for code in ("usd", "eur", "gbp", "jpy", "inr", "chf", "cad", "aud", "cny")}
_CURRENCY = "|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True))
_AMOUNT = re.compile(rf"(?<!\w)(?:({_CURRENCY}) ?(-?\d+(?:\.\d+)?)|(-?\d+(?:\.\d+)?) ?({_CURRENCY}))(?!\w)")
_UNITS = {"%": "percent", "kilometres": "km", "kilometers": "km", "kilograms": "kg", "kilos": "kg", "hours": "h"}
_UNITS |= {"hour": "h", "hrs": "h", "minutes": "min", "mins": "min", "metres": "m", "meters": "m"}
_UNITS |= {
    unit: unit for unit in ("km", "kg", "h", "min", "am", "pm", "m", "cm", "mm", "mg", "g", "ml", "gb", "mb", "kb")
}
_UNIT = re.compile(rf"(\d) ?({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?!\w)")
_PUNCTUATION = re.compile(
    rf"[{re.escape(string.punctuation.replace('.', '').replace('-', ''))}]|(?<!\d)\.|\.(?!\d)|(?<![\s(])(?<!^)-|-(?!\d)"
)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

_LABEL_LEAD = re.compile(r"^(?:the )?(?:label|category|class|intent|answer|sentiment)(?: ?: ?| is:? )")
_LABEL_NAMED = re.compile(r"\b(?:label|category|class|intent|answer|sentiment)(?: ?: ?| is:? )[\"'*`]*")
# In how many such places of an answer a label is looked for.
_MOST_LEADS = 10
# An answer that says one thing is not longer.
_SAYING_WORDS = 60
_SENTENCE = re.compile(r"[.!]\s|\n")
_AROUND_LABEL = " \t\r\n.\"'`*"
_ONE_LETTER, _BEHIND_LETTER = re.compile(r"(?<!\w)[A-Za-z](?!\w)"), frozenset(").:\"'*`")
# What turns a statement about the words behind it into its opposite, and what ends its reach.
_NEGATION = re.compile(
    r"\b(?:not|no(?!,)|never|none|nobody|nothing|neither|nor|without|cannot|isn't|aren't|wasn't|don't|doesn't|didn't|"
    r"can't|won't|wouldn't|shouldn't|false|untrue|wrong|rather than|instead of|nicht|kein\w*|nie|ohne|pas|jamais)\b"
)
# What denies the words in front of it: "X is not", "X is wrong", "X? No.", "X ist nicht".
_DENIED_BEHIND = re.compile(
    r"[\"'*`)\]]{0,3} ?(?:\? ?(?:no|nope|nein|non)\b|(?:(?:is|was|are|were|ist|war|sind|est) )?"
    r"(?:not|wrong|false|incorrect|untrue|nicht|falsch|faux)\b(?! (?:only|nur)\b)|(?:isn't|wasn't|aren't)\b)"
)
_CLAUSE = re.compile(r"(?<!\d)[.;:!?](?!\d)|[.;:!?](?!\d)|\n|\b(?:but|however|although|because|so|then|if|unless)\b")


@lru_cache(maxsize=2_048)
def plain(text: str) -> str:
    """The text without case, typography and ways to write numbers: "$1,000.50" and "1000.5 USD" are the same."""
    folded = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY).casefold()
    if not _DIGIT.search(folded):
        return folded
    folded = _CONTINENTAL.sub(lambda found: found[0].replace(".", "").replace(",", "."), folded)
    folded = _GROUPED.sub(lambda found: found[0].replace(found[1], ""), folded)
    folded = _NUMBER.sub(_number, _DECIMAL_COMMA.sub(r"\1.\2", folded))
    folded = _AMOUNT.sub(lambda found: f"{found[2] or found[3]} {_CURRENCIES[found[1] or found[4]]}", folded)
    return _UNIT.sub(lambda found: f"{found[1]} {_UNITS[found[2]]}", folded)


def _number(found: re.Match[str]) -> str:
    whole, decimals = found[1].lstrip("0") or "0", (found[2] or "").rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


@lru_cache(maxsize=2_048)
def normalise(text: str) -> str:
    """Without case, punctuation, English articles and extra spaces, as in SQuAD v1.1's evaluation script.

    Beyond that script numbers keep their decimal point and sign, and punctuation of all scripts is dropped.
    """
    kept = _PUNCTUATION.sub("", plain(text))
    if not kept.isascii():
        kept = "".join(each for each in kept if each.isascii() or unicodedata.category(each)[0] != "P")
    return " ".join(_ARTICLES.sub(" ", kept).split())


@lru_cache(maxsize=2_048)
def words(text: str) -> tuple[str, ...]:
    """Words and numbers in small letters: the tokens of Google's rouge-score, with every script's letters and marks."""
    read = plain(text)
    return tuple((_ASCII_WORD if read.isascii() else _WORD).findall(read))


def json_in(text: str) -> Any:
    """The JSON value that a text is or holds, in a code fence or between words; None when there is none.

    `null` counts as none: nobody asks a model for it.
    """
    for candidate in _json_candidates(text):
        if (value := parsed(candidate)) is not None:
            return value
    return None


def _json_candidates(text: str) -> Iterator[str]:
    yield text
    # Every second part is fenced, but for what stands behind a fence that nothing closes.
    for fenced in text.split("```", 6)[1:-1:2]:
        yield fenced.lstrip(string.ascii_lowercase).lstrip()
    for opening, closing in ("{}", "[]"):
        first, last = text.find(opening), text.rfind(closing)
        if 0 <= first < last:
            yield text[first : last + 1]


def parsed(text: str) -> Any:
    """The JSON value of the whole text, or None when it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def scalar(value: Any) -> str:
    """A scalar of a JSON document by what it says: the number 1, 1.0 and the text "1" are the same."""
    if isinstance(value, str):
        return " ".join(plain(value).split())
    return plain(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)


def label_of(text: str) -> str:
    """The label an answer gives: without case, quotes, a closing full stop and a lead like "The category is"."""
    return " ".join(_LABEL_LEAD.sub("", plain(text).strip(_AROUND_LABEL)).strip(_AROUND_LABEL).split())


def label_in(text: str, labels: Collection[str]) -> str:
    """The one of these labels that an answer names, bare or in a sentence, else all of it.

    An answer that names several has given none, unless one of them alone is its first line or sentence, or stands
    behind "The category is" or the like. A letter as a label is a capital or has a mark behind it, as no article has.
    """
    bare = label_of(text)
    if bare in labels or not labels:
        return bare
    sentences = [part.strip(_AROUND_LABEL) for part in _SENTENCE.split(plain(text).strip(_AROUND_LABEL))]
    if sentences[0] in labels and len({*sentences}.intersection(labels)) == 1:
        return sentences[0]
    read = " ".join(plain(text).split())
    any_label = _phrase(*sorted(labels, key=len, reverse=True))
    for lead in islice(_LABEL_NAMED.finditer(read), _MOST_LEADS):
        if named := any_label.match(read, lead.end()):
            return named[0]
    said = {label for label in labels if any(not denied for denied in mentions(read, label))}
    said = {label for label in said if not _is_letter(label) or _stands_out(label, text)}
    said = {label for label in said if not any(label != other and label in other for other in said)}
    return said.pop() if len(said) == 1 else bare


def _is_letter(label: str) -> bool:
    return len(label) == 1 and label in string.ascii_lowercase


def _stands_out(letter: str, text: str) -> bool:
    return any(
        found[0].lower() == letter and (found[0].isupper() or text[found.end() : found.end() + 1] in _BEHIND_LETTER)
        for found in _ONE_LETTER.finditer(text)
    )


def mentions(read: str, phrase: str) -> Iterator[bool]:
    """For each place where a plain text has a phrase, whether its clause denies it."""
    for found in _phrase(phrase).finditer(read):
        yield denied(read, *found.span())


def denied(read: str, start: int, end: int) -> bool:
    """Whether the words before a place in its clause, or those right behind it, say the opposite."""
    before = read[max(0, start - 200) : start]
    if _NEGATION.search(before) and _NEGATION.search(_CLAUSE.split(before)[-1]):
        return True
    return _DENIED_BEHIND.match(read, end) is not None


def says(text: str, reference: str, others: Collection[str]) -> bool:
    """Whether an answer of a sentence or two says a short reference, undenied, and none of the `others`.

    Those are the answers to other questions; all are spelled as by `label_of`.
    """
    read = " ".join(plain(text).split())
    if reference not in read or read.count(" ") >= _SAYING_WORDS or {*mentions(read, reference)} != {False}:
        return False
    return not any(other in read and other not in reference and False in mentions(read, other) for other in others)


@lru_cache(maxsize=10_000)
def _phrase(*phrases: str) -> re.Pattern[str]:
    """The first of these phrases that stands somewhere as words of its own."""
    return re.compile(rf"(?<!{NO_MARK})(?:{'|'.join(map(re.escape, phrases))})(?!{LETTER})")
