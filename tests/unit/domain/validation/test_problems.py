"""problems.jsonl lists every finding of a check, as far as the counts go, and says so where it does not."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

import jsonlines
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import check_evaluation_set
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.problems import Problems
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import rules_for
from tests.checking import ASK, GOOD, LLAMA_31, NOVA_MICRO, SAY, bedrock, line
from tests.sizes import sized
from tests.unit.domain.records.test_shortcut import LINES, MODELS


def checked(
    data: bytes, model: str = NOVA_MICRO, suffix: str = ".jsonl", **options: Any
) -> tuple[DatasetReport, list[Any]]:
    file = io.BytesIO()
    problems = Problems(file)
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=0)
    report = check_dataset([data], suffix=suffix, rules=rules, on_finding=problems.of("dataset"), **options)
    problems.finish()
    file.seek(0)
    return report, list(jsonlines.Reader(file))


def counted(listed: list[Any], severity: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for entry in listed:
        counts[entry["code"]] += entry.get("records", 1) * (entry["severity"] == severity)
    return {code: count for code, count in counts.items() if count}


@given(LINES, st.sampled_from(MODELS), st.sampled_from([".jsonl", ".json", ".csv"]), st.integers(1, 20))
@settings(max_examples=sized(100, full=1_000))
def test_what_is_listed_is_what_is_counted_and_the_report_is_the_same(
    lines: list[bytes], model: str, suffix: str, entries: int
) -> None:
    data = b"\n".join(lines)
    report, listed = checked(data, model, suffix, entries_per_code=entries)
    assert counted(listed, "error") == report.counts.errors
    assert counted(listed, "warning") == report.counts.warnings
    rules = rules_for(base_model(model), "FINE_TUNING", minimum_records=0)
    assert check_dataset([data], suffix=suffix, rules=rules, entries_per_code=entries) == report
    kept = [{"set": "dataset", "severity": "error", **problem.as_dict()} for problem in report.problems]
    assert all(entry in listed for entry in kept)


def many() -> dict[str, tuple[list[bytes], list[int]]]:
    """Datasets with a code more often than a report keeps it, which a check may know only at its end, and the lines."""
    asked = [bedrock(("user", f"number {n} of them all"), SAY) for n in range(100)]
    third = range(1, 100, 3)
    odd, led = list(asked), list(asked)
    for n in third:
        odd[n] = line({"prompt": f"p {n}", "completion": "c"})
        led[n] = bedrock(*[("user", f"{n}"), SAY] * (1 + n % 2), system=[{"text": "s"}])
    loud = [bedrock(("user", f"NUMBER {n} of them all!"), SAY) for n in range(50)]
    templated = [line({"prompt": f"Summarise this text: {n}", "completion": "c"}) for n in range(200)]
    free = [line({"prompt": f"{n} what", "completion": "c"}) for n in range(30)]
    return {
        "mixed-formats": (odd, [n + 1 for n in third]),
        "section-not-in-all": (led, [n + 1 for n in third]),
        "duplicate-record": (asked + asked[:40], list(range(101, 141))),
        "normalised-duplicate": (asked + loud, list(range(101, 151))),
        "inconsistent-template": (templated + free, list(range(201, 231))),
        "not-an-object": ([b"[]"] * 50 + [GOOD], list(range(1, 51))),
    }


@pytest.mark.parametrize("code", many())
def test_every_line_that_has_a_finding_is_named(code: str) -> None:
    data, lines = many()[code]
    report, listed = checked(b"\n".join(data))
    assert len(report.problems) + len(report.warnings) < len(listed)
    assert [entry["line"] for entry in listed if entry["code"] == code] == lines


def test_a_finding_on_the_whole_file_says_of_how_many_records_it_speaks() -> None:
    data = b"\n".join(line({"system": "s", "prompt": f"p {n}", "completion": f"c {n}"}) for n in range(30))
    _, listed = checked(data, LLAMA_31)
    [entry] = [entry for entry in listed if entry["code"] == "system-in-prompt"]
    assert (entry["line"], entry["records"]) == (None, 30)


def test_an_element_of_an_array_is_listed_with_its_number() -> None:
    _, listed = checked(b"[" + GOOD + b', {"prompt": "a"}]', suffix=".json")
    assert listed[0] == {
        "set": "dataset",
        "severity": "error",
        "line": 1,
        "code": "missing-key",
        "message": "completion is missing",
        "element": 2,
    }


def test_sets_are_told_apart() -> None:
    file = io.BytesIO()
    problems = Problems(file)
    check_evaluation_set([b"{}\n[]"], on_finding=problems.of("evaluation"))
    rules = rules_for(base_model(NOVA_MICRO), "FINE_TUNING", minimum_records=0)
    check_dataset([b"[]"], suffix=".jsonl", rules=rules, on_finding=problems.of("dataset"))
    listed = [json.loads(entry) for entry in file.getvalue().splitlines()]
    assert [(entry["set"], entry["line"]) for entry in listed] == [("evaluation", 1), ("evaluation", 2), ("dataset", 1)]


def test_what_does_not_fit_is_counted_in_the_last_line_and_in_the_sentence() -> None:
    file = io.BytesIO()
    problems = Problems(file, most_bytes=1_000)
    rules = rules_for(base_model(NOVA_MICRO), "FINE_TUNING", minimum_records=0)
    check_dataset([b"[]\n" * 500], suffix=".jsonl", rules=rules, on_finding=problems.of("dataset"))
    problems.finish()
    *listed, last = [json.loads(entry) for entry in file.getvalue().splitlines()]
    assert (len(listed), last["not_listed"]) == (problems.listed, 500 - problems.listed)
    assert last["message"] == problems.sentence
    assert (
        f"the first {len(listed)} findings and leaves out {500 - len(listed)}, which would not fit" in last["message"]
    )
    assert len(file.getvalue()) < 1_500
    assert problems.as_dict() == {"file": "problems.jsonl", "listed": len(listed), "not_listed": 500 - len(listed)}


def test_a_set_without_findings_leaves_an_empty_file() -> None:
    report, listed = checked(bedrock(ASK, SAY), lint=False)
    assert report.accepted
    assert listed == []
