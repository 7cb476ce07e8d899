"""What is wrong with a JSON value as a record, whatever format it speaks for."""

import json

import pytest

from tests.checking import (
    ASK,
    GOOD,
    SAY,
    bedrock,
    check,
    found,
    line,
    rows,
)

RECORDS: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "an array on a line of its own": (b"[1, 2]\n" + GOOD, {"not-an-object": [1]}),
    "a string": (b'"prompt"', {"not-an-object": [1]}),
    "null": (b"null", {"not-an-object": [1]}),
    "a number": (b"7", {"not-an-object": [1]}),
    "empty object": (b"{}", {"unknown-format": [1]}),
    "unknown keys": (line({"question": "a", "note": "b"}), {"unknown-format": [1]}),
    "input and output": (line({"input": "a", "output": "b"}), {"other-names": [None]}),
    "prompt only": (line({"prompt": "a"}), {"missing-key": [1]}),
    "completion only": (line({"completion": "a"}), {"missing-key": [1]}),
    "prompt is null": (line({"prompt": None, "completion": "b"}), {"wrong-type": [1]}),
    "prompt is a list": (line({"prompt": ["a"], "completion": "b"}), {"wrong-type": [1]}),
    "completion is a number": (line({"prompt": "a", "completion": 4}), {"other-names": [None]}),
    "completion is empty": (line({"prompt": "a", "completion": ""}), {"empty-text": [1]}),
    "completion is white space": (line({"prompt": "a", "completion": " \n\u2003"}), {"empty-text": [1]}),
    "a key nobody reads": (line({"prompt": "a", "completion": "b", "id": 7}), {"ignored-key": [1]}),
    "prompt with a system prompt": (line({"system": "be brief", "prompt": "a", "completion": "b"}), {}),
    "prompt with a null system": (line({"system": None, "prompt": "a", "completion": "b"}), {}),
    "reinforcement record": (
        line({"messages": [{"role": "user", "content": "a"}], "reference_answer": {"x": 1}, "id": "7"}),
        {"unsupported-format": [1]},
    ),
    "reinforcement record without turns": (
        line({"messages": [], "reference_answer": "x"}),
        {"no-turns": [1], "unsupported-format": [1]},
    ),
    "reinforcement record without messages": (
        line({"reference_answer": None}),
        {"wrong-type": [1], "missing-key": [1], "unsupported-format": [1]},
    ),
    "scored responses": (
        line({"prompt": "a", "responses": [{"response": "b", "score": 0.5}]}),
        {"unsupported-format": [1]},
    ),
    "scored responses without a score": (
        line({"prompt": "a", "responses": [{"response": "b"}, {"response": "c", "score": True}]}),
        {"wrong-type": [1, 1], "unsupported-format": [1]},
    ),
    "scored responses that are none": (
        line({"prompt": "a", "responses": []}),
        {"wrong-type": [1], "unsupported-format": [1]},
    ),
    "bedrock without a version": (
        line(json.loads(bedrock(ASK, SAY)) | {"schemaVersion": "bedrock-conversation-2024"}),
        {},
    ),
    "bedrock whose version is missing": (
        line({"messages": json.loads(bedrock(ASK, SAY))["messages"]}),
        {"schema-version-added": [1]},
    ),
    "bedrock with another version": (bedrock(ASK, SAY).replace(b"2024", b"2023"), {"schema-version": [1]}),
    "bedrock with no version": (bedrock(ASK, SAY, schemaVersion=None), {"schema-version-added": [1]}),
    "bedrock with a number as its version": (bedrock(ASK, SAY, schemaVersion=2024), {"wrong-type": [1]}),
    "prompt with an empty system": (line({"system": " ", "prompt": "a", "completion": "b"}), {"empty-system": [1]}),
}


@pytest.mark.parametrize(("data", "expected"), rows(RECORDS))
def test_records_of_every_shape_get_a_verdict_on_their_line(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected
