"""A dataset as a whole: what its records say together, and that nothing that a file holds ends a check."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.validation.check import check_dataset
from tests.checking import (
    ASK,
    CANVAS,
    CLAUDE,
    GOOD,
    LLAMA_31,
    LLAMA_33,
    NOVA_2_LITE,
    NOVA_MICRO,
    NOVA_PRO,
    OTHER,
    SAY,
    bedrock,
    chat,
    check,
    found,
    line,
    numbered,
    rows,
    rules,
)

TOGETHER: dict[str, tuple[bytes, dict[str, list[int | None]]]] = {
    "duplicates": (GOOD + b"\n" + OTHER + b"\n" + GOOD, {"duplicate-record": [3]}),
    "duplicates that are spaced differently": (
        GOOD + b"\n" + GOOD.replace(b" ", b"  ").replace(b"two  plus  two", b"two plus two"),
        {"duplicate-record": [2]},
    ),
    "a mixture of formats": (GOOD + b"\n" + chat(("user", "b"), SAY) + b"\n" + OTHER, {"mixed-formats": [2]}),
    "a mixture whose first record is the odd one": (
        chat(("user", "b"), SAY) + b"\n" + GOOD + b"\n" + OTHER,
        {"mixed-formats": [1]},
    ),
    "Anthropic with and without a system prompt": (
        chat(ASK, SAY, system="be brief") + b"\n" + chat(("user", "b"), SAY),
        {"section-not-in-all": [1]},
    ),
    "a system prompt in some records": (
        bedrock(ASK, SAY)
        + b"\n"
        + bedrock(("user", "b"), SAY, system=[{"text": "x"}])
        + b"\n"
        + bedrock(("user", "c"), SAY),
        {"section-not-in-all": [2]},
    ),
}


@pytest.mark.parametrize(("data", "expected"), rows(TOGETHER))
def test_records_are_held_against_each_other(data: bytes, expected: dict[str, list[int]]) -> None:
    assert found(check(data)) == expected


def test_elements_that_share_a_line_are_named_by_their_number() -> None:
    data = b"[" + GOOD + b", " + OTHER + b', {"prompt": "a"}]'
    report = check(data, suffix=".json")
    assert [problem.sentence for problem in report.problems] == ["line 1: element 3: completion is missing"]


def test_what_a_finding_says_of_another_element_names_that_element() -> None:
    pair = {"prompt": "What is two plus two, my friend?", "completion": "It is four, as ever."}
    odd = {"messages": [{"role": "user", "content": "Hello there"}, {"role": "assistant", "content": "Good day"}]}
    loud = {**pair, "prompt": pair["prompt"].upper()}
    other = {**pair, "completion": "It is five, as never before."}
    report = check(json.dumps([pair, odd, pair, loud, other]).encode(), suffix=".json", lint=True, minimum_records=0)
    assert {finding.sentence for finding in (*report.problems, *report.warnings) if finding.line} == {
        "line 1: element 2: is in the format openai-chat, most records are prompt-completion",
        "line 1: element 3: repeats the record of element 1",
        "line 1: element 4: repeats the record of element 1 but for case, space or punctuation",
        "line 1: element 5: has the same prompt as element 1 and another answer",
    }


def test_a_system_prompt_goes_into_the_prompt_where_the_format_has_no_place_for_it() -> None:
    report = check(chat(("system", "be brief"), ASK, SAY), LLAMA_31)
    assert report.accepted
    assert found(report) == {"system-in-prompt": [None]}


def test_sections_in_some_records_are_a_warning_where_the_service_does_not_ask_for_uniformity() -> None:
    report = check(bedrock(ASK, SAY) + b"\n" + bedrock(("user", "b"), SAY, system=[{"text": "x"}]), LLAMA_33)
    assert report.accepted
    assert report.counts.warnings == {"uneven-section": 1}


def test_duplicates_do_not_count_towards_the_minimum_and_not_against_the_maximum() -> None:
    twice = numbered(8) + b"\n" + numbered(8)
    assert check(twice, minimum_records=9).counts.errors == {"too-few-records": 1}
    assert check(twice, maximum_records=8).accepted


def test_records_that_differ_only_in_case_count_once_towards_the_minimum() -> None:
    data = GOOD + b"\n" + GOOD.replace(b"two plus two", b"Two plus two?")
    assert check(data, minimum_records=2).counts.errors == {"too-few-records": 1}


FEW, MANY = "too-few-records", "too-many-records"


@pytest.mark.parametrize(
    ("model", "outcomes"), [(LLAMA_31, [[FEW], [], [], [MANY]]), (NOVA_MICRO, [[FEW], [FEW], [FEW], [FEW, MANY]])]
)
def test_a_validation_set_counts_towards_the_bounds_that_the_model_counts_it_towards(
    model: str, outcomes: list[list[str]]
) -> None:
    """Llama counts both files towards both bounds, Nova towards the upper one only."""
    own = rules(model, minimum_records=4, maximum_records=10)
    found = [
        list(check_dataset([numbered(3)], suffix=".jsonl", rules=own, counted_elsewhere=n).counts.errors)
        for n in (0, 1, 7, 8)
    ]
    assert found == outcomes


def test_a_validation_set_has_bounds_of_its_own() -> None:
    assert check(numbered(31), CLAUDE, role="validation").counts.errors == {"too-few-records": 1}
    assert check(numbered(32), CLAUDE, role="validation").accepted
    assert check(numbered(1001), CLAUDE, role="validation").counts.errors == {"too-many-records": 1}


def test_training_records_do_not_count_towards_the_bounds_of_a_validation_set_that_has_its_own() -> None:
    own = rules(CLAUDE)
    outcomes = [
        list(
            check_dataset(
                [numbered(n)], suffix=".jsonl", rules=own, role="validation", counted_elsewhere=5_000
            ).counts.errors
        )
        for n in (31, 32, 1_000, 1_001)
    ]
    assert outcomes == [["too-few-records"], [], [], ["too-many-records"]]


def test_training_records_count_towards_the_bounds_of_a_validation_set_where_the_model_counts_both() -> None:
    outcomes = [
        list(
            check_dataset(
                [numbered(10)], suffix=".jsonl", rules=rules(NOVA_MICRO), role="validation", counted_elsewhere=n
            ).counts.errors
        )
        for n in (8, 19_990, 19_991)
    ]
    assert outcomes == [[], [], ["too-many-records"]]


def test_a_validation_set_that_is_not_sent_is_a_warning() -> None:
    report = check(numbered(3), NOVA_2_LITE, role="validation")
    assert report.accepted
    assert report.counts.warnings == {"validation-not-used": 1}


def test_a_warning_can_be_made_an_error() -> None:
    report = check(GOOD + b"\n" + GOOD, errors=["duplicate-record"])
    assert not report.accepted
    assert report.counts.errors == {"duplicate-record": 1}


def test_mixtures_and_uneven_sections_are_counted_beyond_the_entries() -> None:
    records = [bedrock(("user", f"a {n}"), SAY) for n in range(30)]
    records += [bedrock(("user", f"b {n}"), SAY, system=[{"text": "x"}]) for n in range(40)]
    records += [line({"prompt": f"c {n}", "completion": "d"}) for n in range(25)]
    report = check(b"\n".join(records))
    assert report.counts.errors == {"mixed-formats": 25, "section-not-in-all": 30}
    assert len(report.problems) == 40


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "prompt",
    "completion",
    "messages",
    "role",
    "content",
    "text",
    "type",
    "system",
    "schemaVersion",
    "image",
    "video",
    "source",
    "s3Location",
    "uri",
    "format",
    "reasoningContent",
    "reasoningText",
    "image-ref",
    "caption",
    "input",
    "toolUse",
    "tools",
]
RECORD_LIKE = st.recursive(
    JSON
    | st.sampled_from(["user", "assistant", "system", "bedrock-conversation-2024", "text", "s3://bucket/a.png", "png"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.binary(max_size=200),
    st.sampled_from([".jsonl", ".json", ".csv"]),
    st.sampled_from([NOVA_PRO, LLAMA_31, CANVAS, CLAUDE]),
)
def test_no_bytes_raise(data: bytes, suffix: str, model: str) -> None:
    report = check(data, model, suffix, lint=True)
    assert report.accepted == (not report.problems)


@given(st.lists(RECORD_LIKE, max_size=4), st.sampled_from([NOVA_PRO, NOVA_2_LITE, LLAMA_31, CANVAS, CLAUDE]))
def test_no_json_value_raises_and_every_line_is_accounted_for(values: list[Any], model: str) -> None:
    report = check(b"\n".join((b"", *map(line, values), b"7")), model, lint=True)
    assert report.lines == len(values) + 2 == report.records + report.rejected + report.blank


def test_bounds_are_not_held_against_a_file_of_which_no_record_can_be_read() -> None:
    report = check(b"a,b\nc,d\n", suffix=".csv", minimum_records=8)
    assert report.counts.errors == {"csv-header": 1}
