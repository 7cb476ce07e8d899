"""An evaluation set has bounds, because each item is compared with each answer and with the records of the dataset."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finetune.domain.evaluation import items
from finetune.domain.evaluation.checks import MOST_PHRASES
from finetune.domain.evaluation.items import check_evaluation_set

BEYOND: dict[str, dict[str, Any]] = {
    "keywords": {"expected_keywords": [f"k{number}" for number in range(items.MOST_KEYWORDS + 1)]},
    "references": {"reference": [f"r{number}" for number in range(items.MOST_REFERENCES + 1)]},
    "a keyword": {"expected_keywords": ["a " * items.PHRASE_CHARACTERS]},
    "an id": {"id": "i" * (items.NAME_CHARACTERS + 1)},
    "a category": {"category": "c" * (items.NAME_CHARACTERS + 1)},
    "phrases": {"checks": {"must_contain": ["a"] * (MOST_PHRASES + 1)}},
    "a phrase": {"checks": {"must_not_contain": ["a" * 1_001]}},
    "words": {"checks": {"max_words": 10**30}},
    "a regular expression": {"checks": {"json_schema": {"pattern": "(a+)+$"}}},
    "a schema that refers": {"checks": {"json_schema": {"$ref": "#"}}},
    "a schema of many parts": {"checks": {"json_schema": {"items": {"anyOf": [{"const": n} for n in range(1_000)]}}}},
    "many values": {"checks": {"json_schema": {"items": {"enum": list(range(2_000))}}}},
    "many names": {"checks": {"json_schema": {"items": {"required": [str(n) for n in range(2_000)]}}}},
}


def codes(*values: dict[str, Any]) -> set[str]:
    _, report = check_evaluation_set([b"\n".join(json.dumps(value).encode() for value in values)])
    return set(report.counts.errors)


@pytest.mark.parametrize("more", BEYOND.values(), ids=BEYOND.keys())
def test_an_evaluation_set_beyond_its_bounds_is_refused(more: dict[str, Any]) -> None:
    assert codes({"prompt": "a", "reference": "b"}) == set()
    assert codes({"prompt": "a", "reference": "b", **more}) <= {"beyond-bounds", "invalid-check"}
    assert codes({"prompt": "a", "reference": "b", **more})


def test_items_behind_the_most_there_may_be_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MOST_ITEMS", 3)
    lines = [json.dumps({"prompt": f"p{number}", "reference": "r"}).encode() + b"\n" for number in range(100)]

    found, report = check_evaluation_set(lines)

    assert report.counts.errors == {"beyond-bounds": 1}
    assert [problem.message for problem in report.problems] == ["has more than 3 items; the rest is not read"]
    assert len(found) == 4


def test_bytes_behind_the_most_there_may_be_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"prompt": f"p{number}", "reference": "r" * 1_000}).encode() + b"\n" for number in range(5_000)]
    monkeypatch.setattr(items, "MOST_BYTES", 1024 * 1024)
    read = iter(lines)

    found, report = check_evaluation_set(read)

    assert [problem.message for problem in report.problems] == ["has more than 1 MiB; the rest is not read"]
    assert not report.accepted
    assert len(found) <= 1_100
    assert len(list(read)) > 3_000
    assert check_evaluation_set(lines[:1_000])[1].accepted
