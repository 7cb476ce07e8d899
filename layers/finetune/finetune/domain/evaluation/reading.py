"""What a text says, whatever its form: numbers, amounts, words, labels and JSON, as both sides are read for a score."""

from __future__ import annotations

import re
import string
import unicodedata
from bisect import bisect_right
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
_SPELLED_UNITS = {
    "percent": "% pct",
    "km": "kilometre kilometres kilometer kilometers",
    "m": "metre metres meter meters",
    "mi": "mile miles",
    "inch": "inches",
    "ft": "foot feet",
    "kg": "kilogram kilograms kilos",
    "g": "gram grams gramme grammes",
    "mg": "milligram milligrams",
    "lb": "lbs",
    "l": "litre litres liter liters",
    "h": "hour hours hrs",
    "min": "minute minutes mins",
    "s": "second seconds sec secs",
}
_SYMBOLS = "am pm cm mm ml gb mb kb"
_UNITS = {name: unit for unit, names in _SPELLED_UNITS.items() for name in (unit, *names.split())}
_UNITS |= {unit: unit for unit in _SYMBOLS.split()}
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
# What makes another quantity of a number: words in front of it, and behind it.
_PART_BEFORE = re.compile(
    r"\b(?:minus|(?:more|less|fewer|greater|later|earlier|longer|shorter) than|over|under|above|below|at least|at most|"
    r"mehr als|weniger als|mindestens|höchstens|plus de|moins de|au moins|más de|menos de|al menos) $"
)
_PART_BEHIND = re.compile(
    r"[/\^\u00b2\u00b3]| ?(?:percent|hundred|thousand|million|billion|trillion|lakh|crore|dozen|mio|tausend|millionen|"
    r"milliarden|mille|millions?|milliards?|mil|millones|milioni|miljoen|milhões|per)\b"
)
_TWO_BEHIND = re.compile(r"\W{1,5}\w{1,40}\W{1,5}\w{1,40}")
_TWO_BEFORE = re.compile(r"(?<!\w)\w{1,40}\W{1,5}\w{1,40}\W{1,5}$")
_FEW_PHRASES = 50
_AROUND_LABEL = " \t\r\n.\"'`*"
_ONE_LETTER, _BEHIND_LETTER = re.compile(r"(?<!\w)[A-Za-z](?!\w)"), frozenset(").:\"'*`")
# What turns a statement about the words behind it into its opposite, and what ends its reach.
_NEGATIONS = (
    "not no never none nobody nothing neither nor without cannot isn't aren't wasn't don't doesn't didn't can't won't "
    "wouldn't shouldn't nicht kein keine keinen keinem keiner keines nie ohne pas jamais aucun aucune nunca jamás "
    "ningún ninguna non nessun nessuna nessuno niet geen nooit não nenhum nenhuma"
)
_NEGATION = frozenset(_NEGATIONS.split())
_NEGATION_OF_TWO = re.compile(
    r"\b(?:rather than|instead of|(?:people|many|some|others|they|often|commonly|widely) (?:\w+ )?"
    r"(?:believed?|think|thought|says?|said))$"
)
_ENDS_OF_TWO = frozenset(("than", "of", "believe", "believed", "think", "thought", "say", "says", "said"))
# The same for what stands right behind it.
_JUST_BEFORE = re.compile(
    r"\b(?:avoid\w*|excluding|except(?: for)?|other than|anything but|far from|hardly|no longer|statt|außer|sans|sauf|"
    r"sin|excepto|senza|tranne|zonder|behalve|sem|exceto) (?:\w{1,12} )?[\"'*`(]{0,2}$"
)
# The same, of what is not so.
_UNTRUE = (
    r"(?:wrong\w*|false\w*|incorrect\w*|untrue|mistake\w*|myth|misconception|falsch\w*|irrtum|faux|fausse|falsos?|falsas?|"
    r"erróne[oa]|sbagliat[oa]|onjuist|errad[oa])"
)
_FIRST_OF_UNTRUE = frozenset("wfiumesoe")
_UNTRUE_WORD, _REACH, _NEAR = re.compile(rf"{_UNTRUE}$"), 200, 40
_ANY_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
# What denies the words in front of it: "X is not", "X would be a mistake", "X? No.", "X ist nicht".
_DENIED_BEHIND = re.compile(
    r"[\"'*`)\]]{0,3} ?(?:\? ?(?:no|nope|nein|non|nee|não)\b|"
    r"(?:(?:is|was|are|were|would be|will be|seems|ist|war|sind|wäre|est|était|sont|serait|es|era|son|sería|è|sono|"
    r"sarebbe|zijn|zou|é|são|seria) )?(?:(?:an?|ein|une?|un|uma?|een|the|der|la|le|el|o) )?"
    rf"(?:not|nicht|niet|pas|error|erreur|errore|fehler|fout|{_UNTRUE})\b(?! (?:only|nur|seulement|sólo|solo)\b)|"
    r"(?:isn't|wasn't|aren't|n'est pas|no es|no era|no son|non è|não é|não são)\b)"
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
    denials, clauses = _turns(read)
    last = bisect_right(denials, (start, start)) - 1
    if last >= 0 and (denial := denials[last])[1] <= start and denial[0] >= start - _REACH:
        clause = bisect_right(clauses, start) - 1
        if clause < 0 or denial[0] >= clauses[clause]:
            return True
    if _JUST_BEFORE.search(read, max(0, start - _NEAR), start):
        return True
    return _DENIED_BEHIND.match(read, end) is not None


@lru_cache(maxsize=256)
def _turns(read: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Where a plain text denies something, and where its clauses begin."""
    denials = [found.span() for found in _ANY_WORD.finditer(read) if _denies(found[0], read, found.end())]
    return denials, [found.end() for found in _CLAUSE.finditer(read)] if denials else []


def _denies(word: str, read: str, end: int) -> bool:
    """Whether a word of a text denies what follows, by itself or with the one or two before it."""
    if word in _NEGATION:
        return word != "no" or not read.startswith(",", end)
    if word in _ENDS_OF_TWO:
        return _NEGATION_OF_TWO.search(read, max(0, end - _NEAR), end) is not None
    return word[:1] in _FIRST_OF_UNTRUE and _UNTRUE_WORD.match(word) is not None


def says(text: str, reference: str, others: Phrases, question: str) -> bool:
    """Whether an answer of a sentence or two says a short reference, undenied, and none of the `others`.

    Those are the answers to other questions; all are spelled as by `label_of`. A question said back is no answer, and a
    quantity is said whole and alone: neither -7 nor 7 km/h, 7 million, 3 to 7 or more than 7 is 7.
    """
    read = " ".join(plain(text).split())
    if reference not in read or read.count(" ") >= _SAYING_WORDS or read.endswith("?"):
        return False
    asked = " ".join(plain(question).split())
    if {*mentions(read, reference)} != {False} or _said_back(read, reference, asked):
        return False
    if _DIGIT.search(reference) and not _is_whole(read, reference, asked):
        return False
    return not any(other not in reference and False in mentions(read, other) for other in others.within(read))


def _is_whole(read: str, reference: str, question: str) -> bool:
    """Whether an answer states a quantity and no other one, but for numbers that the question has."""
    if any(map(_DIGIT.search, {*words(read)} - {*words(reference)} - {*words(question)})):
        return False
    places = [found.span() for found in _phrase(reference).finditer(read)]
    return not any(
        _PART_BEFORE.search(read, max(0, start - _NEAR), start) or _PART_BEHIND.match(read, end)
        for start, end in places
    )


def _said_back(read: str, reference: str, question: str) -> bool:
    """Whether an answer has a reference with the two words around it that the question has there."""
    for found in _phrase(reference).finditer(question):
        behind = _TWO_BEHIND.match(question, found.end())
        before = _TWO_BEFORE.search(question, max(0, found.start() - 80), found.start())
        if (behind and reference + behind[0] in read) or (before and before[0] + reference in read):
            return True
    return False


class Phrases(frozenset[str]):
    """Short texts, found by their first words in one that may have thousands of them."""

    def within(self, read: str) -> set[str]:
        """Those of them that a plain text may have."""
        if len(self) <= _FEW_PHRASES:
            return {phrase for phrase in self if phrase in read}
        by_first = _by_first(self)
        return {phrase for word in {"", *words(read)} for phrase in by_first.get(word, ()) if phrase in read}


@lru_cache(maxsize=8)
def _by_first(phrases: Phrases) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for phrase in phrases:
        found.setdefault(next(iter(words(phrase)), ""), []).append(phrase)
    return found


def has_phrase(read: str, phrase: str) -> bool:
    """Whether a plain text has a phrase that starts and ends at the edge of a word."""
    return any(
        not (
            (re.match(NO_MARK, phrase) and re.search(rf"{NO_MARK}$", read[max(0, start - 1) : start]))
            or (re.search(rf"{NO_MARK}$", phrase) and re.match(LETTER, read[start + len(phrase) :][:1]))
        )
        for start in _starts(read, phrase)
    )


def _starts(read: str, phrase: str) -> Iterator[int]:
    start = read.find(phrase)
    while start >= 0:
        yield start
        start = read.find(phrase, start + 1)


@lru_cache(maxsize=10_000)
def _phrase(*phrases: str) -> re.Pattern[str]:
    """The first of these phrases that stands somewhere as words of its own."""
    return re.compile(rf"(?<!{NO_MARK})(?:{'|'.join(map(re.escape, phrases))})(?!{LETTER})")
