"""Evaluation sets are read item by item, each with a verdict on its line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.evaluation.checks import Checks
from finetune.domain.evaluation.items import EvaluationItem, Turn, check_evaluation_set
from finetune.domain.json_lines import from_jsonl, to_jsonl


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def check(*values: object) -> tuple[tuple[EvaluationItem, ...], dict[str, int]]:
    items, report = check_evaluation_set([b"\n".join(map(line, values))])
    return items, dict(report.counts.errors)


def turns(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": f"{role} {number}"} for number, role in enumerate(roles)]


def test_a_prompt_with_everything() -> None:
    value = {
        "id": "a",
        "prompt": "where",
        "system": "be brief",
        "reference": "here",
        "expected_keywords": ["here"],
        "category": "place",
        "checks": {"max_words": 5, "json_schema": {"const": None}},
    }
    items, errors = check(value)
    assert errors == {}
    assert items == (
        EvaluationItem(
            id="a",
            line=1,
            system="be brief",
            messages=(Turn(role="user", text="where"),),
            reference="here",
            expected_keywords=("here",),
            category="place",
            checks=Checks(max_words=5, json_schema={"const": None}),
        ),
    )
    assert from_jsonl(to_jsonl(items), EvaluationItem) == items


def test_an_answer_that_ends_the_turns_is_the_reference() -> None:
    [item], errors = check({"messages": turns("system", "user", "assistant", "user", "assistant")})
    assert errors == {}
    assert (item.system, len(item.messages), item.reference) == ("system 0", 3, "assistant 4")


def test_a_question_that_ends_the_turns_needs_a_reference_beside() -> None:
    assert check({"messages": turns("user")})[1] == {"missing-expectation": 1}
    [item], errors = check({"messages": turns("user", "assistant", "user"), "reference": "x"})
    assert (errors, item.reference, len(item.messages)) == ({}, "x", 3)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "not-an-object"),
        ({}, "missing-key"),
        ({"prompt": "a", "messages": []}, "missing-key"),
        ({"prompt": 1, "reference": "x"}, "wrong-type"),
        ({"prompt": " ", "reference": "x"}, "empty-text"),
        ({"prompt": "a"}, "missing-expectation"),
        ({"prompt": "a", "expected_keywords": []}, "missing-expectation"),
        ({"prompt": "a", "expected_keywords": "x"}, "wrong-type"),
        ({"prompt": "a", "expected_keywords": [1]}, "wrong-type"),
        ({"prompt": "a", "reference": 5}, "wrong-type"),
        ({"prompt": "a", "reference": ""}, "empty-text"),
        ({"prompt": "a", "reference": "b", "id": []}, "wrong-type"),
        ({"prompt": "a", "reference": "b", "system": 3}, "wrong-type"),
        ({"messages": turns("user", "user"), "reference": "x"}, "roles-not-alternating"),
        ({"messages": turns("assistant"), "reference": "x"}, "first-turn-not-user"),
        ({"messages": [], "reference": "x"}, "no-turns"),
    ],
)
def test_a_bad_item_is_named(value: object, code: str) -> None:
    items, report = check_evaluation_set([b"\n\n" + line(value)])
    assert items == ()
    assert report.counts.errors == {code: 1}
    assert (report.lines, report.blank, report.rejected, [f.line for f in report.problems]) == (3, 2, 1, [3])


def test_media_cannot_be_asked() -> None:
    picture = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
    value = {"messages": [{"role": "user", "content": [{"text": "a"}, picture]}], "reference": "x"}
    assert check(value)[1] == {"cannot-be-expressed": 1}


def test_ids_are_unique() -> None:
    items, errors = check({"id": "a", "prompt": "a", "reference": "b"}, {"id": "a", "prompt": "c", "reference": "d"})
    assert len(items) == 1
    assert errors == {"duplicate-id": 1}


def test_items_that_share_a_line_are_told_apart() -> None:
    values = [{"prompt": text, "reference": "x"} for text in "abc"]
    items, report = check_evaluation_set([json.dumps(values).encode()])
    assert [item.id for item in items] == ["element-1", "element-2", "element-3"]
    again = [{**value, "id": "a"} for value in values]
    items, report = check_evaluation_set([json.dumps(again).encode()])
    assert len(items) == 1
    assert [finding.sentence for finding in report.problems] == [
        f"line 1: element {number}: has the id of the item on element 1" for number in (2, 3)
    ]


def test_items_without_an_id_are_named_by_their_line() -> None:
    items, _ = check(
        {"prompt": "a", "reference": "b"}, {"prompt": "a", "reference": "b"}, {"id": 7, "prompt": "a", "reference": "b"}
    )
    assert [item.id for item in items] == ["line-1", "line-2", "7"]


def test_unknown_keys_are_a_warning() -> None:
    _, report = check_evaluation_set([line({"prompt": "a", "reference": "b", "note": "c"})])
    assert report.accepted
    assert report.counts.warnings == {"ignored-key": 1}


def test_an_empty_file_is_no_evaluation_set() -> None:
    assert check_evaluation_set([b"\n"])[1].counts.errors == {"empty-dataset": 1}


def test_an_array_is_an_evaluation_set_too() -> None:
    items, report = check_evaluation_set(
        [b'[{"prompt": "a", "reference": "b"},\n{"prompt": "c", "reference": "d"}]'], suffix=".json"
    )
    assert report.accepted
    assert [item.line for item in items] == [1, 2]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["user", "assistant"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "prompt",
                    "messages",
                    "role",
                    "content",
                    "reference",
                    "id",
                    "system",
                    "checks",
                    "category",
                    "expected_keywords",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(st.lists(VALUES, max_size=4))
def test_no_value_raises_and_every_line_is_accounted_for(values: list[Any]) -> None:
    items, report = check_evaluation_set([b"\n".join((b"", *map(line, values), b"1"))])
    assert len(items) + report.rejected + report.blank == report.lines == len(values) + 2


@given(st.binary(max_size=100))
def test_no_bytes_raise(data: bytes) -> None:
    items, report = check_evaluation_set([data])
    assert report.accepted == (not report.problems)
    assert len(items) <= report.records
