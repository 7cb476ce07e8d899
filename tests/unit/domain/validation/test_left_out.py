"""What stands under keys that nobody reads: content is an error, metadata a warning."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.checking import check, found

ROWS = 30
FRUITS = ("apple", "pear", "plum", "fig", "quince")


def rows(key: str, value: Callable[[int], Any]) -> list[dict[str, Any]]:
    return [{"prompt": f"Question {n}?", "completion": f"Answer {n}.", key: value(n)} for n in range(ROWS)]


CONTENT: dict[str, Callable[[int], Any]] = {
    "passage_text": lambda n: f"The {FRUITS[n % 5]} of row {n} costs {n} dollars today.",
    "evidence": lambda n: [f"Row {n} says so in its second line.", "And more of it."],
    "details": lambda n: {"told": f"The customer wrote that box {n} came open."},
    "images": lambda n: [f"photo-{n}.png"],
    "notes_zh": lambda n: f"第{n}行的客户说箱子在运输途中打开了所以要退货",
}
METADATA: dict[str, Callable[[int], Any]] = {
    "id": lambda n: n,
    "uuid": lambda n: f"{n:032x}",
    "created": lambda n: f"2026-01-{n + 1:02} 10:00:{n:02}",
    "source": lambda n: f"https://example.com/a page of {n}/with words in its name",
    "category": lambda n: ("closed questions about a text", "open questions")[n % 2],
    "author": lambda n: f"Person Number{n}",
    "meta": lambda n: {"split": "train", "row": n},
    "score": lambda n: n / 7,
    "empty": lambda _: "",
}


@pytest.mark.parametrize("key", CONTENT)
def test_content_under_a_key_that_nobody_reads_is_an_error_that_names_it(key: str) -> None:
    report = check("\n".join(map(json.dumps, rows(key, CONTENT[key]))).encode())
    [problem] = [each.message for each in report.problems if each.code == "content-left-out"]
    assert problem.startswith(f"the key '{key}' holds ")
    assert problem.endswith(f", in {ROWS} records")
    assert not report.accepted


@pytest.mark.parametrize("key", METADATA)
def test_metadata_is_a_warning(key: str) -> None:
    report = check("\n".join(map(json.dumps, rows(key, METADATA[key]))).encode())
    assert "content-left-out" not in found(report)
    assert report.counts.warnings["ignored-key"] == ROWS


@pytest.mark.parametrize("key", ["passage_text", "images"])
def test_a_column_is_held_to_the_same(key: str) -> None:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, ("prompt", "completion", key))
    writer.writeheader()
    writer.writerows(rows(key, CONTENT[key]))
    report = check(file.getvalue().encode(), suffix=".csv")
    assert found(report)["content-left-out"] == [None]
    assert report.counts.warnings["ignored-key"] == 1


def test_one_remark_among_many_records_is_no_content() -> None:
    remarked = [*rows("remark", lambda n: "look at this one again" if n == 3 else None)]
    assert "content-left-out" not in found(check("\n".join(map(json.dumps, remarked)).encode()))


def test_no_message_holds_what_stands_there() -> None:
    report = check("\n".join(map(json.dumps, rows("evidence", CONTENT["evidence"]))).encode())
    assert not any("second line" in each.message for each in (*report.problems, *report.warnings))
