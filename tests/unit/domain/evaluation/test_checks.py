"""The checks of an item: read with a sentence for each mistake, passed or failed one by one."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.evaluation.checks import Checks, read_checks, results
from finetune.domain.evaluation.json_schema import flaws, matches
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
        ('```json\n{"intent": "refund", "amount": 3}\n```', False),
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


def test_a_schema_that_nests_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(100):
        schema = {"items": schema}
    assert any("nests deeper than 20 levels" in flaw for flaw in flaws(schema))


def test_checks_decide_where_there_is_little_else() -> None:
    assert primary_metric(items(10, reference=None, checks=Checks(max_words=5))) == "checks_passed"
    assert primary_metric(items(10, checks=Checks(max_words=5))) == "token_f1"


scalars = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.0]) | st.sampled_from(["", "a", "ab"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)
names = ["object", "array", "string", "boolean", "null", "number", "integer"]
counts, numbers = st.integers(0, 3), st.integers(-2, 2)
schemas: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.just({}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(names) | st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True),
            "enum": st.lists(scalars, min_size=1, max_size=3),
            "const": values,
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner,
            "items": inner,
            "minItems": counts,
            "maxLength": counts,
            "minimum": numbers,
            "exclusiveMaximum": numbers,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=6,
)


@given(schemas, values)
def test_schemas_mean_what_the_reference_implementation_says(schema: Any, value: Any) -> None:
    assert list(flaws(schema)) == []
    assert matches(value, schema) == jsonschema.Draft202012Validator(schema).is_valid(value), json.dumps(
        [schema, value]
    )
