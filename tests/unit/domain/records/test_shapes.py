"""Shapes of other programs: what their names mean, the same in every container."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.records.conversion import convert
from finetune.domain.records.reading import read, read_unit
from finetune.domain.records.shapes import shaped
from finetune.domain.records.source import Source
from tests.checking import check, found


def turn(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": text, **more}


def pair(value: dict[str, Any]) -> tuple[str, str]:
    """The prompt and the answer of an object."""
    record = read(value).record
    assert record is not None, read(value).errors
    prompt, answer = (turn["content"][0]["text"] for turn in record.messages)
    return prompt, answer


@pytest.mark.parametrize(
    ("value", "prompt", "answer"),
    [
        ({"instruction": "Name it.", "input": "a cup", "output": "Cup"}, "Name it.\n\na cup", "Cup"),
        ({"instruction": "Name it.", "input": "", "output": "Cup"}, "Name it.", "Cup"),
        ({"question": "Where?", "context": "In row 3.", "answer": "Row 3"}, "Where?\n\nIn row 3.", "Row 3"),
        ({"context": "In row 3.", "question": "Where?", "answer": "Row 3"}, "Where?\n\nIn row 3.", "Row 3"),
        ({"question": "Where?", "answers": {"text": ["Row 3"], "answer_start": [3]}}, "Where?", "Row 3"),
        ({"text": "It broke.", "label": "damage"}, "It broke.", "damage"),
        ({"text": "It broke.", "label": 4}, "It broke.", "4"),
        ({"Text": "It broke.", "Label": "damage"}, "It broke.", "damage"),
        ({"document": "A long story.", "summary": "A story."}, "A long story.", "A story."),
        ({"sql_prompt": "All.", "sql_context": "CREATE", "sql": "SELECT"}, "All.\n\nCREATE", "SELECT"),
        ({"query": "q", "response": "r"}, "q", "r"),
        ({"instruction": "i", "query": "q", "response": "r"}, "i\n\nq", "r"),
        ({"question": "q", "choices": ["a", "b"], "answer": "a"}, "q\n\na\nb", "a"),
        ({"prompt": "p", "completion": {"sku": 7}}, "p", '{"sku":7}'),
        ({"prompt": "p", "completion": [1, 2]}, "p", "[1,2]"),
        ({"prompt": "p", "completion": 12}, "p", "12"),
        ({"prompt": "p", "chosen": "good", "rejected": "bad"}, "p", "good"),
        ({"prompt": "p", "question": "q", "answer": "a"}, "p\n\nq", "a"),
    ],
)
def test_parts_are_read_by_their_names(value: dict[str, Any], prompt: str, answer: str) -> None:
    assert pair(value) == (prompt, answer)


def test_a_system_prompt_by_another_name_is_one() -> None:
    record = read({"system_prompt": "Be short.", "question": "q", "answer": "a"}).record
    assert record is not None
    assert record.system == "Be short."


TURNS = [("user", "q"), ("assistant", "a")]


@pytest.mark.parametrize(
    "value",
    [
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"conversation": [{"role": "User", "content": "q"}, {"role": "Assistant", "content": "a"}]},
        {"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]},
        {"chat_history": [{"role": "USER", "message": "q"}, {"role": "CHATBOT", "message": "a"}]},
        {
            "input": {"messages": [turn("user", "q")]},
            "preferred_output": [turn("assistant", "a")],
            "non_preferred_output": [turn("assistant", "b")],
        },
    ],
    ids=["ShareGPT", "roles in capitals", "Vertex AI", "Cohere", "OpenAI's preferences"],
)
def test_turns_are_read_by_their_names(value: dict[str, Any]) -> None:
    record = read(value).record
    assert record is not None, read(value).errors
    assert [(turn["role"], turn["content"][0]["text"]) for turn in record.messages] == TURNS


@pytest.mark.parametrize(
    "value",
    [
        {"conversations": [{"from": "system", "value": "s"}, *({"from": r, "value": t} for r, t in TURNS)]},
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "s"}]},
            "contents": [{"role": r, "parts": [{"text": t}]} for r, t in TURNS],
        },
        {"system": "s", "conversations": [{"from": r, "value": t} for r, t in TURNS]},
    ],
    ids=["ShareGPT", "Vertex AI", "beside the turns"],
)
def test_their_system_prompt_is_the_records(value: dict[str, Any]) -> None:
    record = read(value).record
    assert record is not None, read(value).errors
    assert record.system == "s"


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "p", "completion": "c"},
        {"messages": [{"role": "user", "content": "q"}]},
        {"text": "a text to read"},
        {"image-ref": "s3://b/k", "caption": "c"},
        {"messages": [], "reference_answer": "a"},
        {"note": "n"},
    ],
)
def test_what_is_no_other_shape_stays_as_it_is(value: dict[str, Any]) -> None:
    assert shaped(value) is None


def test_how_names_were_read_is_told_once() -> None:
    lines = [json.dumps({"question": f"q{n}", "context": f"c{n}", "answer": f"a{n}"}) for n in range(5)]
    report = check("\n".join(lines).encode())
    [told] = [each.message for each in report.warnings if each.code == "other-names"]
    read_as = "'question' is read as the prompt and 'answer' as the answer, with 'context' behind the prompt"
    assert told == f"{read_as}, in 5 records"


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ({"prompt": "p", "completion": "c", "weight": 0}, {"not-learned": [1]}),
        ({"prompt": "p", "completion": "c", "train": False}, {"not-learned": [1]}),
        ({"prompt": "p", "completion": "c", "weight": 1}, {}),
        ({"prompt": "p", "completion": "c", "loss": 0.0}, {}),
    ],
)
def test_the_weight_of_a_record_says_whether_it_is_learned(value: dict[str, Any], codes: dict[str, list[int]]) -> None:
    good = {"prompt": "other", "completion": "c"}
    report = check(f"{json.dumps(value)}\n{json.dumps(good)}".encode())
    told = {code: lines for code, lines in found(report).items() if code in ("not-learned", "ignored-key")}
    assert (told, report.records) == (codes, 1 if codes else 2)


def test_turns_behind_the_last_answer_to_be_learned_are_left_out_and_told() -> None:
    turns = [
        turn("user", "q1"),
        turn("assistant", "a1", weight=1),
        turn("user", "q2"),
        turn("assistant", "a2", weight=0),
    ]
    reading = read({"messages": turns})
    assert reading.record is not None
    assert reading.record.texts == ["q1", "a1"]
    assert [flaw.code for flaw in reading.warnings] == ["not-learned"]


def test_an_answer_that_is_not_to_be_learned_before_one_that_is_refuses_the_record() -> None:
    turns = [turn("user", "q1"), turn("assistant", "a1", weight=0), turn("user", "q2"), turn("assistant", "a2")]
    assert [flaw.code for flaw in read({"messages": turns}).errors] == ["turn-not-learned"]


def test_an_empty_system_section_is_there_and_stays_empty() -> None:
    value = {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [],
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in TURNS],
    }
    record = read(value).record
    assert record is not None
    assert json.loads(convert(record, "conversation")) == value
    assert json.loads(convert(record, "prompt_completion")) == {"prompt": "q", "completion": "a"}
    assert "system" not in json.loads(convert(record, "anthropic"))


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x85\u2028\u2029"), min_size=1).filter(str.strip)
NAMES = st.sampled_from(
    [("prompt", "completion"), ("instruction", "input", "output"), ("question", "context", "answer"), ("text", "label")]
)


@given(st.data())
def test_the_same_rows_give_the_same_records_in_every_container(data: st.DataObject) -> None:
    names = data.draw(NAMES)
    table = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, WORDS)), min_size=1, max_size=4))
    file, tabs = io.StringIO(newline=""), io.StringIO(newline="")
    for each, delimiter in ((file, ","), (tabs, "\t")):
        writer = csv.DictWriter(each, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(table)
    lines = "\n".join(map(json.dumps, table))
    written = {
        ".csv": file.getvalue(),
        ".tsv": tabs.getvalue(),
        ".ndjson": lines,
        ".jsonl": lines,
        "array.json": json.dumps(table),
        "wrapped.json": json.dumps({"exported": "today", "data": table}, indent=1),
        "pretty.json": "\n".join(json.dumps(row, indent=1) for row in table),
    }
    records = {name: staged(text.encode(), name) for name, text in written.items()}
    assert len(records[".jsonl"]) == len(table)
    assert all(found == records[".jsonl"] for found in records.values())


def staged(data: bytes, name: str) -> list[bytes]:
    """The records of a file as they are staged."""
    readings = [read_unit(unit) for _, unit in Source([data], f".{name.rpartition('.')[2]}").placed()]
    return [convert(each.record, "conversation") for each in readings if each and each.record]


def test_an_array_under_a_key_may_have_plain_values_and_one_level_of_others_before_it() -> None:
    rows = [{"prompt": "a", "completion": "b"}]
    assert len(staged(json.dumps({"version": 1, "meta": {"of": "today"}, "data": rows}).encode(), "x.json")) == 1


def test_a_second_array_of_records_is_not_passed_over() -> None:
    rows = [{"prompt": "a", "completion": "b"}]
    report = check(json.dumps({"train": rows, "test": rows}).encode(), suffix=".json")
    [problem] = [each.message for each in report.problems if each.code == "invalid-json"]
    assert problem == "the object holds more than one array; write the records of each to a file of their own"
