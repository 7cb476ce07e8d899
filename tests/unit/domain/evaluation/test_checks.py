"""The checks of an item: read with a sentence for each mistake, passed or failed one by one."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.domain.evaluation.checks import Checks, read_checks, results
from finetune.domain.evaluation.metrics import METRICS, checks_passed, primary_metric
from tests.evaluating import items

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["intent", "amount"],
    "additionalProperties": False,
    "properties": {
        "intent": {"enum": ["refund", "exchange"]},
        "amount": {"type": "number", "minimum": 0},
        "lines": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    },
}


def test_each_phrase_and_each_bound_is_a_check_of_its_own() -> None:
    checks = Checks(must_contain=("30  days", "receipt"), must_not_contain=("sorry",), max_words=4, min_words=2)
    assert dict(results("Within 30 DAYS, sorry to say.", checks)) == {
        "contains '30  days'": True,
        "contains 'receipt'": False,
        "does not contain 'sorry'": False,
        "at least 2 words": True,
        "at most 4 words": False,
    }
    assert checks_passed("Within 30 DAYS, sorry to say.", checks) == 2 / 5


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        ('{"intent": "refund", "amount": 3}', True),
        ('{"intent": "refund", "amount": true}', False),
        ('{"intent": "refund", "amount": -1}', False),
        ('{"intent": "refund"}', False),
        ('{"intent": "refund", "amount": 3, "more": 1}', False),
        ('{"intent": "refund", "amount": 3, "lines": [1.0]}', True),
        ('{"intent": "refund", "amount": 3, "lines": [1.5]}', False),
        ('```json\n{"intent": "refund", "amount": 3}\n```', True),
        ('```json\n{"intent": "refund"}\n```', False),
        ("[" * 5_000, False),
        ("", False),
    ],
)
def test_an_answer_matches_its_schema_or_does_not(answer: str, passes: bool) -> None:
    [item] = items(1, checks=Checks(json_schema=SCHEMA))
    assert METRICS["schema_match"](answer, item) == float(passes)
    assert METRICS["checks_passed"](answer, item) == float(passes)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([], "checks is not an object"),
        ({"max_word": 3}, "checks.max_word is not a check; the known checks are must_contain, must_not_contain"),
        ({"max_words": "3"}, "checks.max_words is wrong: input should be a valid integer"),
        ({"must_contain": "a"}, "checks.must_contain is wrong: input should be a valid"),
        ({"must_contain": [" "]}, "checks holds an empty phrase"),
        (
            {"json_schema": {"pattern": "a*"}},
            "checks.json_schema.pattern is not supported; the known keywords are type",
        ),
        ({"json_schema": {"items": {"type": "text"}}}, "checks.json_schema.items.type has a value that is not allowed"),
        ({"json_schema": {"properties": {"a": 1}}}, "checks.json_schema.properties.a is not an object"),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused_in_a_sentence(written: Any, sentence: str) -> None:
    checks, found = read_checks(written)
    assert checks is None
    assert found[0].startswith(sentence)


def test_checks_that_ask_for_nothing_are_none() -> None:
    assert read_checks({}) == (None, ())


def test_checks_decide_where_there_is_little_else() -> None:
    assert primary_metric(items(10, reference=None, checks=Checks(max_words=5))) == "checks_passed"
    assert primary_metric(items(10, checks=Checks(max_words=5))) == "token_f1"


@pytest.mark.parametrize(
    ("answer", "phrase", "held"),
    [
        ("A cat sat.", "cat", True),
        ("A category.", "cat", False),
        ("Concat it.", "cat", False),
        ("It costs $1,000.50.", "1000.5 USD", True),
        ("C++ is meant.", "C++", True),
        ("See (a) there.", "(a)", True),
        ("\u5165\u9662\u4e2d", "\u5165\u9662", True),
    ],
)
def test_a_phrase_is_found_as_words_of_its_own(answer: str, phrase: str, held: bool) -> None:
    assert dict(results(answer, Checks(must_contain=(phrase,)))) == {f"contains {phrase!r}": held}
    assert dict(results(answer, Checks(must_not_contain=(phrase,)))) == {f"does not contain {phrase!r}": not held}
