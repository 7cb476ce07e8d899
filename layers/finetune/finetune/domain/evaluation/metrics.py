"""Metrics of one answer: a table of pure functions, each with the source of its definition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import add
from statistics import fmean

from finetune.domain.evaluation import checks
from finetune.domain.evaluation.facts import has_facts, right_facts
from finetune.domain.evaluation.items import EvaluationItem, references
from finetune.domain.evaluation.json_fields import f_measure, json_match
from finetune.domain.evaluation.reading import (
    LETTER,
    NO_MARK,
    UNSPACED,
    denied,
    json_in,
    label_in,
    label_of,
    normalise,
    parsed,
    plain,
    words,
)
from finetune.frozen import Frozen

_KEYWORD_STEM = 4
_LABEL_WORDS = 4
_LABEL_CHARACTERS = 60
_LABELS = 30
_SHORT_REFERENCE_WORDS = 25
_CHRF_ORDER = 6
_CHRF_BETA = 2


def exact_match(text: str, reference: str) -> float:
    """1 when the answer is the reference to the character, surrounding white space aside."""
    return float(text.strip() == reference.strip())


def normalised_match(text: str, reference: str) -> float:
    """1 when both are equal after `normalise`: "exact match" of SQuAD (Rajpurkar et al. 2016)."""
    return float(normalise(text) == normalise(reference))


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall over normalised words: "F1" of SQuAD (Rajpurkar et al. 2016)."""
    answer, expected = words(normalise(text)), words(normalise(reference))
    return f_measure((Counter(answer) & Counter(expected)).total(), len(answer), len(expected))


def rouge_l(text: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words (Lin 2004), as rouge-score computes it without stemming."""
    answer, expected = words(text), words(reference)
    return f_measure(_common_subsequence(answer, expected), len(answer), len(expected), both_empty=0.0)


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


def keyword_recall(text: str, keywords: Sequence[str], rights: Sequence[str] = ()) -> float:
    """Share of the expected keywords that the answer holds: recall over required facts ("nuggets", Voorhees 2003).

    A keyword starts and ends at the edge of a word. Case, spacing and the form of numbers do not matter. A keyword that
    ends in four or more letters may have an ending of up to three more ("refund" is found in "refunded"). One that its
    clause denies does not count, unless a right answer denies it too.
    """
    return len(keywords_found(text, keywords, rights)) / len(keywords)


def keywords_found(text: str, keywords: Sequence[str], rights: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of the keywords that the text holds, by the rule of `keyword_recall`."""
    read = plain(text)
    return tuple(
        keyword
        for keyword in keywords
        if (said := _polarities(read, keyword))
        and said & ({False}.union(*(_polarities(plain(right), keyword) for right in rights)))
    )


def _polarities(read: str, keyword: str) -> set[bool]:
    """Whether a plain text denies a keyword, for the places where it has it."""
    return {denied(read, *found.span()) for found in _keyword(keyword).finditer(read)}


def label_match(text: str, reference: str, labels: Collection[str] = ()) -> float:
    """1 when the answer names the reference's label and no other of the set; averaged, this is scikit-learn's accuracy.

    Without the set's `labels` the answer must be nothing but the label.
    """
    return float(label_in(text, labels) == label_of(reference))


def json_valid(text: str) -> float:
    """1 when the answer is or holds a JSON value (RFC 8259), as `json_match` reads it."""
    return float(json_in(text) is not None)


def has_its_form(text: str, reference: str) -> float:
    """1 when an answer is written like the reference: bare JSON, or no more than a few words where that has few."""
    if isinstance(parsed(reference), dict | list):
        return float(parsed(text) is not None)
    return float(len(text.split()) <= max(_LABEL_WORDS, 2 * len(reference.split())))


def checks_passed(text: str, asked: checks.Checks | None) -> float:
    """Share of an item's own checks that the answer passes: "InstFollow" rates of IFEval (Zhou et al. 2023)."""
    passed = [result for _, result in checks.results(text, asked)] if asked else []
    return fmean(passed) if passed else 1.0


def length_ratio(text: str, reference: str) -> float:
    """The shorter length in words over the longer: 1 when the answer is as long as the reference."""
    shorter, longer = sorted((len(words(text)), len(words(reference))))
    return shorter / longer if longer else 1.0


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
    return Metric(
        title,
        measures,
        lambda text, item: max((function(text, each) for each in references(item)), default=0.0),
        applies or _has_reference,
    )


def _has_reference(item: EvaluationItem) -> bool:
    return item.reference is not None


def _has_short_reference(item: EvaluationItem) -> bool:
    return item.reference is not None and all(map(_is_short, references(item)))


def _has_a_form(item: EvaluationItem) -> bool:
    return _has_short_reference(item) or _has_json_reference(item)


def _has_json_reference(item: EvaluationItem) -> bool:
    return item.reference is not None and isinstance(parsed(item.reference), dict | list)


def _has_checks(item: EvaluationItem) -> bool:
    return item.checks is not None


def _has_schema(item: EvaluationItem) -> bool:
    return item.checks is not None and item.checks.json_schema is not None


METRICS: Mapping[str, Metric] = {
    "keyword_recall": Metric(
        "Keyword recall",
        "share of the item's `expected_keywords` found in the answer and not denied there",
        lambda text, item: keyword_recall(text, item.expected_keywords, references(item)),
        lambda item: bool(item.expected_keywords),
    ),
    "label": _of_reference(
        "Label accuracy", "the answer names the reference's label, and no other", label_match, _has_short_reference
    ),
    "exact_match": _of_reference("Exact match", "the answer is the reference, character for character", exact_match),
    "normalised_match": _of_reference(
        "Normalised match", "equal without case, punctuation and English articles", normalised_match
    ),
    "token_f1": _of_reference("Token F1", "F1 of the words that answer and reference share", token_f1),
    "rouge_l": _of_reference("ROUGE-L", "F-measure of their longest common run of words", rouge_l),
    "chrf": _of_reference("chrF", "F2 over character n-grams; for languages without spaces", chrf),
    "json_valid": Metric(
        "JSON validity",
        "the answer is valid JSON, in any wrapping",
        lambda text, _: json_valid(text),
        lambda item: _has_json_reference(item) or _has_schema(item),
    ),
    "json_match": _of_reference(
        "JSON fields F1",
        "F1 of the fields that answer and reference share, in any wrapping",
        json_match,
        _has_json_reference,
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
    "facts": Metric(
        "Right facts",
        "mean of two shares: the reference's numbers, dates, amounts, codes, links and names that the answer has, and "
        "those it states that are right",
        lambda text, item: right_facts(text, references(item), item.messages[-1].text),
        lambda item: has_facts(references(item)),
    ),
    "format": _of_reference(
        "Format", "the answer is bare JSON or few words, as the reference is", has_its_form, _has_a_form
    ),
    "length_ratio": _of_reference("Length ratio", "how near the answer's length is to the reference's", length_ratio),
}


# What takes most of the time of all together, and is scored only where it decides.
ASKED_FOR = frozenset({"chrf"})
# Metrics that go by shared words, which an answer may have without being right.
OVERLAP = frozenset({"keyword_recall", "token_f1", "rouge_l", "chrf", "length_ratio"})
# What a metric says if an answer is read by the letter, with no more around it than the reference has.
BY_THE_LETTER: Mapping[str, Callable[[str, str], float]] = {
    "label": label_match,
    "token_f1": token_f1,
    "json_match": lambda text, reference: json_match(text, reference, strictly=True),
}


def applicable(items: Sequence[EvaluationItem]) -> tuple[str, ...]:
    """Names of the metrics that say something about a set; label accuracy only where the references are labels."""
    labels = _are_labels([item.reference for item in items if item.reference is not None])
    left_out = ASKED_FOR if labels else ASKED_FOR | {"label"}
    return tuple(name for name, row in METRICS.items() if name not in left_out and any(map(row.applies, items)))


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
        confusion[column[label]][column.get(label_in(answer, column), len(labels))] += 1
    hits = [confusion[i][i] for i in range(len(labels))]
    f1 = [f_measure(hits[i], sum(row[i] for row in confusion), sum(confusion[i])) for i in range(len(labels))]
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


@lru_cache(maxsize=10_000)
def _keyword(keyword: str) -> re.Pattern[str]:
    folded = plain(keyword).split() or [""]
    start = f"(?<!{NO_MARK})" if _spaced(folded[0][:1]) else ""
    end = folded[-1][-_KEYWORD_STEM:]
    inflected = len(end) == _KEYWORD_STEM and end.isalpha()
    endings = f"{LETTER}{{0,3}}" if inflected else ""
    tail = f"{endings}(?!{LETTER})" if _spaced(folded[-1][-1:]) else ""
    return re.compile(start + r"\s+".join(map(re.escape, folded)) + tail)


def _spaced(character: str) -> bool:
    """Whether a character belongs to a word that white space or punctuation ends."""
    return character.isalnum() and not re.match(f"[{UNSPACED}]", character)
