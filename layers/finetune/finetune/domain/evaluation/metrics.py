"""Metrics of one answer: a table of pure functions, each with the source of its definition."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import add
from statistics import fmean
from typing import Any

import orjson

from finetune.domain.evaluation import checks
from finetune.domain.evaluation.items import EvaluationItem
from finetune.frozen import Frozen

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Han, kana and their extensions: scripts written without spaces, where one character counts as one word.
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_UNSPACED}]"
_WORD = re.compile(f"[{_UNSPACED}]|{_LETTER}+")
_TYPOGRAPHY = str.maketrans("\u2018\u2019\u201c\u201d\u2010\u2011\u2012\u2013\u2014", "''\"\"-----")
_LABEL_LEAD = re.compile(r"^(?:the )?(?:label|category|class|intent|answer|sentiment)(?: ?: ?| is:? )")
_AROUND_LABEL = " \t\r\n.\"'`*"
_KEYWORD_STEM = 4
_LABEL_WORDS = 4
_LABEL_CHARACTERS = 60
_LABELS = 30
_SHORT_REFERENCE_WORDS = 25
_CHRF_ORDER = 6
_CHRF_BETA = 2


def normalise(text: str) -> str:
    """Lower case without punctuation, English articles and extra spaces, as in SQuAD v1.1's evaluation script.

    Beyond that script, text is brought to Unicode's NFKC form and punctuation of all scripts is dropped.
    """
    kept = unicodedata.normalize("NFKC", text).lower().translate(_NO_PUNCTUATION)
    if not kept.isascii():
        kept = "".join(character for character in kept if unicodedata.category(character)[0] != "P")
    return " ".join(_ARTICLES.sub(" ", kept).split())


def words(text: str) -> list[str]:
    """Lower-cased runs of letters and digits: the tokenizer of Google's rouge-score, with every script's letters."""
    return _WORD.findall(text.lower())


def exact_match(text: str, reference: str) -> float:
    """1 when the answer is the reference to the character, surrounding white space aside."""
    return float(text.strip() == reference.strip())


def normalised_match(text: str, reference: str) -> float:
    """1 when both are equal after `normalise`: "exact match" of SQuAD (Rajpurkar et al. 2016)."""
    return float(normalise(text) == normalise(reference))


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall over normalised words: "F1" of SQuAD (Rajpurkar et al. 2016)."""
    answer, expected = words(normalise(text)), words(normalise(reference))
    return _f_measure((Counter(answer) & Counter(expected)).total(), len(answer), len(expected))


def rouge_l(text: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words (Lin 2004), as rouge-score computes it without stemming."""
    answer, expected = words(text), words(reference)
    return _f_measure(_common_subsequence(answer, expected), len(answer), len(expected), both_empty=0.0)


def chrf(text: str, reference: str) -> float:
    """F2 over character n-grams up to 6, white space aside: chrF2 (Popović 2015), sacrebleu's sentence score / 100."""
    answer, expected = "".join(text.split()), "".join(reference.split())
    matches = [_in_common(*counts) for counts in zip(_ngrams(answer), _ngrams(expected), strict=False)]
    if not matches:
        return 0.0
    precision = fmean(match / (len(answer) - n) for n, match in enumerate(matches))
    recall = fmean(match / (len(expected) - n) for n, match in enumerate(matches))
    weight = _CHRF_BETA**2
    return (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0


def keyword_recall(text: str, keywords: Sequence[str]) -> float:
    """Share of the expected keywords that the answer holds: recall over required facts ("nuggets", Voorhees 2003).

    A keyword starts and ends at the edge of a word. Case, spacing and typographic quotes do not matter. A keyword that
    ends in four or more letters may have an ending of up to three more ("refund" is found in "refunded").
    """
    found = keywords_found(text, keywords)
    return len(found) / len(keywords)


def keywords_found(text: str, keywords: Sequence[str]) -> tuple[str, ...]:
    """Those of the keywords that the text holds, by the rule of `keyword_recall`."""
    folded = _fold(text)
    return tuple(keyword for keyword in keywords if _keyword(keyword).search(folded))


def label_match(text: str, reference: str) -> float:
    """1 when the answer names the reference's label and nothing else; averaged, this is accuracy as in scikit-learn."""
    return float(label_of(text) == label_of(reference))


def label_of(text: str) -> str:
    """The label an answer gives: without case, quotes, a closing full stop and a lead like "The category is"."""
    return " ".join(_LABEL_LEAD.sub("", _fold(text).strip(_AROUND_LABEL)).strip(_AROUND_LABEL).split())


def json_valid(text: str) -> float:
    """1 when the whole answer is one JSON value (RFC 8259), without a code fence or words around it."""
    return float(_parsed(text) is not None)


def json_match(text: str, reference: str) -> float:
    """F1 over the (path, value) pairs of both documents, as in slot filling; 0 for an answer that is not JSON."""
    answer, expected = Counter(_leaves(_parsed(text))), Counter(_leaves(_parsed(reference)))
    return _f_measure((answer & expected).total(), answer.total(), expected.total())


def checks_passed(text: str, asked: checks.Checks | None) -> float:
    """Share of an item's own checks that the answer passes: "InstFollow" rates of IFEval (Zhou et al. 2023)."""
    passed = [result for _, result in checks.results(text, asked)] if asked else []
    return fmean(passed) if passed else 1.0


def length_ratio(text: str, reference: str) -> float:
    """The shorter length in words over the longer: 1 when the answer is as long as the reference."""
    shorter, longer = sorted((len(words(text)), len(words(reference))))
    return shorter / longer if longer else 1.0


def is_refusal(text: str) -> bool:
    """Whether an answer opens with a refusal to help; patterns after the refusal prefixes of Zou et al. 2023.

    An apology alone ("I'm sorry to hear that") is no refusal.
    """
    return bool(_REFUSAL.search(" ".join(_fold(text[:400]).split())))


_REFUSAL = re.compile(
    r"^(?:(?:i'm|i am) (?:so |very |really )?sorry,?|sorry,?|i apologi[sz]e,?|my apologies,?|unfortunately,?)?"
    r"(?: but)? ?(?:as an ai\b.{0,60}?|as a (?:large )?language model\b.{0,40}?)?"
    r"i(?:'m| am)? (?:cannot|can't|can not|could not|won't|will not|not able to|unable to|not allowed to) "
    r"(?:really |directly )?(?:help|assist|answer|comply|fulfil|respond|discuss|engage|generate|do that|do this|"
    r"provide (?:you )?(?:with )?(?:that|this|any|information|advice|assistance|help|an answer))"
    r"|^as an ai\b.{0,60}\bi (?:cannot|can't|don't|do not)\b"
)


@dataclass(frozen=True)
class Metric:
    """One row of the table: called with an answer's text and its item; None where the item has no such yardstick.

    `measures` is the row's sentence in docs/settings.md.
    """

    title: str
    measures: str
    score: Callable[[str, EvaluationItem], float]
    applies: Callable[[EvaluationItem], bool]

    def __call__(self, text: str, item: EvaluationItem) -> float | None:
        return self.score(text, item) if self.applies(item) else None


def _of_reference(
    title: str,
    measures: str,
    function: Callable[[str, str], float],
    applies: Callable[[EvaluationItem], bool] | None = None,
) -> Metric:
    return Metric(title, measures, lambda text, item: function(text, item.reference or ""), applies or _has_reference)


def _has_reference(item: EvaluationItem) -> bool:
    return item.reference is not None


def _has_short_reference(item: EvaluationItem) -> bool:
    return item.reference is not None and _is_short(item.reference)


def _has_json_reference(item: EvaluationItem) -> bool:
    return item.reference is not None and isinstance(_parsed(item.reference), dict | list)


def _has_checks(item: EvaluationItem) -> bool:
    return item.checks is not None


def _has_schema(item: EvaluationItem) -> bool:
    return item.checks is not None and item.checks.json_schema is not None


METRICS: Mapping[str, Metric] = {
    "keyword_recall": Metric(
        "Keyword recall",
        "share of the item's `expected_keywords` found in the answer",
        lambda text, item: keyword_recall(text, item.expected_keywords),
        lambda item: bool(item.expected_keywords),
    ),
    "label": _of_reference("Label accuracy", "the answer is the reference's label", label_match, _has_short_reference),
    "exact_match": _of_reference("Exact match", "the answer is the reference, character for character", exact_match),
    "normalised_match": _of_reference(
        "Normalised match", "equal without case, punctuation and English articles", normalised_match
    ),
    "token_f1": _of_reference("Token F1", "F1 of the words that answer and reference share", token_f1),
    "rouge_l": _of_reference("ROUGE-L", "F-measure of their longest common run of words", rouge_l),
    "chrf": _of_reference("chrF", "F2 over character n-grams; for languages without spaces", chrf),
    "json_valid": Metric(
        "JSON validity",
        "the answer is valid JSON",
        lambda text, _: json_valid(text),
        lambda item: _has_json_reference(item) or _has_schema(item),
    ),
    "json_match": _of_reference(
        "JSON fields F1", "F1 of the fields that answer and reference share", json_match, _has_json_reference
    ),
    "schema_match": Metric(
        "JSON schema match",
        "the answer is JSON of the kind that the item's `checks.json_schema` asks for",
        lambda text, item: float(not item.checks or checks.matches_schema(text, item.checks)),
        _has_schema,
    ),
    "checks_passed": Metric(
        "Checks passed",
        "share of the item's own `checks` that the answer passes",
        lambda text, item: checks_passed(text, item.checks),
        _has_checks,
    ),
    "length_ratio": _of_reference("Length ratio", "how near the answer's length is to the reference's", length_ratio),
}


def applicable(items: Sequence[EvaluationItem]) -> tuple[str, ...]:
    """Names of the metrics that say something about a set; label accuracy only where the references are labels."""
    labels = _are_labels([item.reference for item in items if item.reference is not None])
    return tuple(name for name, row in METRICS.items() if (labels or name != "label") and any(map(row.applies, items)))


def primary_metric(items: Sequence[EvaluationItem]) -> str:
    """The metric that decides when the settings name none: what most items of the set can be measured by."""
    references = [item.reference for item in items if item.reference is not None]
    if 2 * sum(bool(item.expected_keywords) for item in items) > len(items):
        return "keyword_recall"
    if 2 * len(references) < len(items) and any(map(_has_checks, items)):
        return "checks_passed"
    if references and 2 * sum(_has_json_reference(item) for item in items) > len(references):
        return "json_match"
    if _are_labels(references):
        return "label"
    long = references and fmean(len(words(reference)) for reference in references) > _SHORT_REFERENCE_WORDS
    return "rouge_l" if long else "token_f1"


class LabelReport(Frozen):
    """Accuracy, macro-F1 and the confusion table of a set whose references are labels.

    `confusion[i][j]` counts items of `labels[i]` answered with `labels[j]`, the last column answers that are no label.
    """

    labels: tuple[str, ...]
    accuracy: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]


def label_report(answers: Sequence[str], references: Sequence[str]) -> LabelReport:
    """Agreement of answers with labels; macro-F1 is the plain mean over the references' labels, 0 for one never hit."""
    expected = [label_of(reference) for reference in references]
    labels = tuple(sorted(set(expected)))
    column = {label: index for index, label in enumerate(labels)}
    confusion = [[0] * (len(labels) + 1) for _ in labels]
    for answer, label in zip(answers, expected, strict=True):
        confusion[column[label]][column.get(label_of(answer), len(labels))] += 1
    hits = [confusion[i][i] for i in range(len(labels))]
    f1 = [_f_measure(hits[i], sum(row[i] for row in confusion), sum(confusion[i])) for i in range(len(labels))]
    return LabelReport(
        labels=labels,
        accuracy=sum(hits) / len(expected) if expected else 0.0,
        macro_f1=fmean(f1) if f1 else 0.0,
        confusion=tuple(map(tuple, confusion)),
    )


def _are_labels(references: Sequence[str]) -> bool:
    """Whether references look like classes: short, few, and on average seen at least three times."""
    distinct = {label_of(reference) for reference in references}
    return all(map(_is_short, references)) and 2 <= len(distinct) <= _LABELS and 3 * len(distinct) <= len(references)


def _is_short(reference: str) -> bool:
    return 1 <= len(reference.split()) <= _LABEL_WORDS and len(reference) <= _LABEL_CHARACTERS


def _f_measure(matches: int, answered: int, expected: int, *, both_empty: float = 1.0) -> float:
    if not answered and not expected:
        return both_empty
    return 2 * matches / (answered + expected)


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, one machine word per 64 tokens (Hyyrö 2004)."""
    positions: dict[str, int] = {}
    for index, token in enumerate(other):
        positions[token] = positions.get(token, 0) | 1 << index
    full = (1 << len(other)) - 1
    unmatched = full
    for token in one:
        hits = unmatched & positions.get(token, 0)
        unmatched = (unmatched + hits | unmatched - hits) & full
    return len(other) - unmatched.bit_count()


def _ngrams(text: str) -> Iterator[Counter[str]]:
    """How often each character n-gram occurs, for every order up to 6 that the text is long enough for."""
    grams = list(text)
    for order in range(1, min(_CHRF_ORDER, len(text)) + 1):
        yield Counter(grams)
        grams = list(map(add, grams, text[order:]))


def _in_common(one: Counter[str], other: Counter[str]) -> int:
    """Size of the multiset intersection, counted without building it."""
    return sum(map(min, one.values(), map(other.get, one, repeat(0))))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY).casefold()


@lru_cache(maxsize=10_000)
def _keyword(keyword: str) -> re.Pattern[str]:
    folded = _fold(keyword).split() or [""]
    start = f"(?<!{_LETTER})" if _spaced(folded[0][:1]) else ""
    end = folded[-1][-_KEYWORD_STEM:]
    inflected = len(end) == _KEYWORD_STEM and end.isalpha()
    endings = f"{_LETTER}{{0,3}}" if inflected else ""
    tail = f"{endings}(?!{_LETTER})" if _spaced(folded[-1][-1:]) else ""
    return re.compile(start + r"\s+".join(map(re.escape, folded)) + tail)


def _spaced(character: str) -> bool:
    """Whether a character belongs to a word that white space or punctuation ends."""
    return character.isalnum() and not re.match(f"[{_UNSPACED}]", character)


def _parsed(text: str) -> Any:
    """The JSON value of a text, or None when it is none (`null` counts as none: nobody asks a model for it)."""
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _leaves(document: Any) -> Iterator[tuple[object, str]]:
    """Every scalar of a JSON document with its path, in no order and without recursion: an answer may nest deeply.

    A path is a pair of the path above and the last step, so that it is not copied for each scalar.
    """
    pending: list[tuple[object, Any]] = [] if document is None else [(None, document)]
    while pending:
        path, value = pending.pop()
        match value:
            case dict() if value:
                pending.extend(((path, key), inner) for key, inner in value.items())
            case list() if value:
                item = (path, "[]")
                pending.extend((item, inner) for inner in value)
            case _:
                yield path, orjson.dumps(value).decode()
