"""JSON by its facts: what is the same in another form, and what is not."""

from __future__ import annotations

import tracemalloc

import pytest

from finetune.domain.evaluation.json_fields import json_match


def test_fields_count_one_by_one_and_in_any_order() -> None:
    assert json_match('{"a": 1, "b": "x", "c": [2]}', '{"b": "y", "c": [2], "a": 1}') == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ('```json\n{"days": 30}\n```', '{"days": 30}'),
        ('Here it is: {"days": 30} I hope it helps.', '{"days": 30}'),
        ('{"days": "30"}', '{"days": 30}'),
        ('{"days": 30.0, "price": "$1,000.50"}', '{"days": 30, "price": "1000.5 USD"}'),
        ('{"tags": ["Red", "small"]}', '{"tags": ["small", "red"]}'),
        ("The list is [1, 2, 3].", "[1,2,3]"),
    ],
)
def test_what_a_document_says_is_read_whatever_its_form(answer: str, reference: str) -> None:
    assert json_match(answer, reference) == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ('{"days": 31}', '{"days": 30}'),
        ("[3, 2, 1]", "[1, 2, 3]"),
        (
            '{"steps": ["Turn the screw left.", "Open the box."]}',
            '{"steps": ["Open the box.", "Turn the screw left."]}',
        ),
        (
            '[{"name": "Ann", "age": 3}, {"name": "Bo", "age": 5}]',
            '[{"name": "Ann", "age": 5}, {"name": "Bo", "age": 3}]',
        ),
        ('{"ok": true}', '{"ok": "yes"}'),
        ('{"price": "$5"}', '{"price": "£5"}'),
    ],
)
def test_what_is_wrong_order_that_means_something_and_mixed_up_objects_cost(answer: str, reference: str) -> None:
    assert json_match(answer, reference) < 0.8


def test_read_by_the_letter_a_fence_is_no_json() -> None:
    assert json_match('```json\n{"days": 30}\n```', '{"days": 30}', strictly=True) == 0.0


def test_a_wide_answer_in_deep_nesting_takes_no_more_memory_than_its_size() -> None:
    tracemalloc.start()
    json_match("[" * 900 + "1," * 10_000 + "1" + "]" * 900, "[1]")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_the_order_of_steps_counts_and_that_of_tags_does_not() -> None:
    assert json_match('{"steps": ["cut", "glue", "dry"]}', '{"steps": ["glue", "cut", "dry"]}') < 1
    assert json_match('{"tags": ["cut", "glue", "dry"]}', '{"tags": ["glue", "cut", "dry"]}') == 1
