"""The part of JSON Schema that is known means what the reference implementation says."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.evaluation.json_schema import flaws, matches


def test_a_schema_that_nests_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(100):
        schema = {"items": schema}
    assert any("nests deeper than 20 levels" in flaw for flaw in flaws(schema))


scalars = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.0]) | st.sampled_from(["", "a", "ab"])
)


values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
)


names = ["object", "array", "string", "boolean", "null", "number", "integer"]


counts, numbers = st.integers(0, 3), st.integers(-2, 2)


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
