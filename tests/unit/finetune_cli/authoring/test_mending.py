"""Mending slips: nothing lost, reordered or made up."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from finetune_cli.authoring.mending import mend
from tests.authoring import fix, turns


def test_slips_of_conversations_are_mended_and_said() -> None:
    slips = [
        turns("user", "one", "user", "two", "assistant", "three"),
        {"schemaVersion": "2024", **turns("user", "four", "assistant", "five")},
        {
            "mapping": {
                "r": {"parent": None, "message": None},
                "s": {"parent": "r", "message": {"author": {"role": "system"}, "content": {"parts": [""]}}},
                "u": {"parent": "s", "message": {"author": {"role": "user"}, "content": {"parts": ["six"]}}},
                "x": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"parts": ["no"]}}},
                "a": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": {"parts": ["seven"]}}},
            },
            "current_node": "a",
        },
    ]
    kept, changes = fix(slips)
    texts = [[turn["content"][0]["text"] for turn in record["messages"]] for record in kept]
    assert texts == [["one\n\ntwo", "three"], ["four", "five"], ["six", "seven"]]
    said = Counter((change.line, change.code) for change in changes if change.action == "changed")
    assert said[1, "roles-not-alternating"] == said[2, "schema-version"] == said[3, "unknown-format"] == 1
    assert said[2, "wrong-type"] == 2


@pytest.mark.parametrize(
    "value",
    [
        {"mapping": {"a": {"parent": "a", "message": None}}, "current_node": "a"},
        {"mapping": {"a": 1}, "current_node": "a"},
        {"mapping": {}, "current_node": ["a"]},
        {"mapping": {"a": {"message": {"author": "x", "content": {"parts": [1]}}}}, "current_node": "a"},
        {"messages": [1, None, {"role": "user"}, {"role": "user"}]},
        {"schemaVersion": None, "messages": [{"role": "user", "content": "x"}, "y"]},
        turns("user", "a", "tool", "b", "assistant", "c"),
        turns("user", "a", "assistant", "b", "user", "c"),
    ],
)
def test_what_cannot_be_mended_is_removed_with_its_reason(value: Any) -> None:
    kept, changes = fix([value])
    assert kept == []
    assert [(change.line, change.action) for change in changes] == [(1, "removed")]


def test_mending_does_not_touch_the_value() -> None:
    value = {"schemaVersion": "x", **turns("user", "a", "user", "b", "assistant", "c")}
    before = json.dumps(value)
    mend(value)
    assert json.dumps(value) == before
