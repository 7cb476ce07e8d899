"""The facts in a text: numbers, dates, amounts, codes, links and names, which no overlap of words can stand in for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from finetune.domain.evaluation.reading import plain

_MONTHS = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
)
_MONTH_NUMBERS = {name: number for names in _MONTHS for number, name in enumerate(names.split(), 1)}
_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True))
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(r"(?<![\d.])(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4})\b"),
    # Day and month in this order are told only where the first cannot be a month.
    re.compile(r"(?<![\d/])(?P<d>1[3-9]|2\d|3[01])/(?P<m>\d{1,2})/(?P<y>\d{4})\b"),
    re.compile(r"(?<![\d/])(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})\b"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|er)?\.? (?:of |de )?(?P<n>{_MONTH})\b\.?,?(?: (?:de |del )?(?P<y>\d{{4}}))?"
    ),
    re.compile(rf"\b(?P<n>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{{4}}))?"),
)
# No pattern looks far: an answer may be one endless word.
_LINK = re.compile(r"\bhttps?://[^\s<>()\"']+|\bwww\.[^\s<>()\"']+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.]{1,64}")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]{0,30}\d)(?=[\w-]{0,30}[a-z])[a-z0-9-]{2,40}(?![\w-])")
# As they are spelled in a plain text.
_UNITS = (
    "usd eur gbp jpy inr chf cad aud cny percent km kg h min am pm m cm mm mg g ml gb mb kb l s ms mi lb oz ft inch "
    "day days week weeks month months year years °c °f kwh kw mph"
)
_UNIT = "|".join(sorted(map(re.escape, _UNITS.split()), key=len, reverse=True))
_NUMBER = re.compile(rf"(?<![\w.])(-?\d+(?:\.\d+)?)(?![\w])(?: ({_UNIT})(?![\w/]))?")
_LETTERS_OF_SYMBOLS = 3
_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
)
_SPELLED = {name: str(number) for number, name in enumerate((*_SMALL.split(), "nineteen", "twenty"), 2)}
_SPELLED |= {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
}
_SPELLED_OUT = re.compile(rf"\b(?:{'|'.join(_SPELLED)})\b")
_NAME = re.compile(r"(?<=[^\s.!?:;\"'(*\-]\s)[A-Z\u00c0-\u00de][^\W\d_]{2,}")


class Facts(NamedTuple):
    """What a text states: `exact` facts can be right or wrong, `names` can only be there or not."""

    exact: frozenset[str]
    names: frozenset[str]

    @property
    def any(self) -> bool:
        return bool(self.exact or self.names)


@lru_cache(maxsize=2_048)
def facts_of(text: str) -> Facts:
    """The facts of a text, each in one spelling."""
    exact, rest = set[str](), _SPELLED_OUT.sub(lambda found: _SPELLED[found[0]], plain(text))
    for pattern, fact in ((_LINK, _link), *((date, _date) for date in _DATES), (_CODE, _code), (_NUMBER, _amount)):
        exact |= {fact(found) for found in pattern.finditer(rest)}
        rest = pattern.sub(" ", rest)
    return Facts(frozenset(exact), frozenset(set(map(str.casefold, _NAME.findall(text))) - _MONTH_NUMBERS.keys()))


def _link(found: re.Match[str]) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", found[0].rstrip(".,;:!?/"))


def _date(found: re.Match[str]) -> str:
    parts = found.groupdict()
    month = _MONTH_NUMBERS[parts["n"]] if parts.get("n") else int(parts["m"])
    return f"{parts['y'] or ''}-{month}-{int(parts['d'])}"


def _amount(found: re.Match[str]) -> str:
    unit = found[2] or ""
    # "1 day" and "2 days" are of one unit.
    return f"{found[1]} {unit.rstrip('s') if len(unit) > _LETTERS_OF_SYMBOLS else unit}".strip()


def _code(found: re.Match[str]) -> str:
    return found[0]


def right_facts(text: str, references: Sequence[str], question: str) -> float:
    """How far an answer's facts are right: the mean of two shares.

    One is the share of a reference's facts that the answer has, the other the share of those it states that are in a
    reference or in the question. So an answer without facts has half, and one with invented facts less.
    """
    known = facts_of(question).exact.union(*(facts_of(reference).exact for reference in references))
    said = facts_of(text)
    # A date without its year lacks a fact and invents none.
    stated = [any(_same(fact, other) or _same(other, fact) for other in known) for fact in said.exact]
    sound = sum(stated) / len(stated) if stated else 1.0
    folded = plain(text)
    shares = [_share(wanted, said, folded) for reference in references if (wanted := facts_of(reference)).any]
    return (max(shares) + sound) / 2 if shares else sound


def _share(wanted: Facts, said: Facts, folded: str) -> float:
    found = sum(any(_same(other, fact) for other in said.exact) for fact in wanted.exact)
    found += sum(name in folded for name in wanted.names)
    return found / (len(wanted.exact) + len(wanted.names))


def _same(said: str, known: str) -> bool:
    """Whether a fact agrees with a known one; either may lack its unit, and the known one the year of a date."""
    if said == known or (known.startswith("-") and said[4:] == known):
        return True
    return said.startswith(f"{known} ") or known.startswith(f"{said} ")


def has_facts(references: Sequence[str]) -> bool:
    """Whether any reference states something that can be looked for."""
    return any(facts_of(reference).any for reference in references)
