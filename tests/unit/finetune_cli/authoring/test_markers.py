"""Marks of old exports are left out of a new dataset, when that is asked for."""

import json
from pathlib import Path

import pytest

from tests.command import prepare


def written(path: Path) -> list[list[str]]:
    rows = map(json.loads, path.read_text().splitlines())
    return [[turn["content"][0]["text"] for turn in row["messages"]] for row in rows]


def dataset(tmp_path: Path, pairs: list[tuple[str, str]]) -> Path:
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": asked, "completion": answer}) for asked, answer in pairs))
    return path


def test_marks_are_left_out_and_each_change_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [(f"what is {n} ->", f"it is {n} ### or so\n###\n") for n in range(11)]
    out = tmp_path / "out.jsonl"
    assert prepare(dataset(tmp_path, pairs), "--out", out, "--without-markers") == 0
    assert written(out) == [[f"what is {n}", f"it is {n} ### or so"] for n in range(11)]
    assert capsys.readouterr().out.count("changed, is without the marks at the ends of its texts") == 11


def test_marks_stay_where_nobody_asked(tmp_path: Path) -> None:
    pairs = [(f"what is {n} ->", f"it is {n}<<END>>") for n in range(11)]
    out = tmp_path / "out.jsonl"
    assert prepare(dataset(tmp_path, pairs), "--out", out) == 0
    assert written(out) == [list(pair) for pair in pairs]


def test_another_mark_than_the_common_one_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [(f"what is {n}", f"it is {n}<<{'END' if n else 'NAME'}>>") for n in range(11)]
    out = tmp_path / "out.jsonl"
    assert prepare(dataset(tmp_path, pairs), "--out", out, "--without-markers") == 0
    assert [answer for _, answer in written(out)] == ["it is 0<<NAME>>", *(f"it is {n}" for n in range(1, 11))]
    assert "Changes: 10 changed" in capsys.readouterr().out


def test_a_prompt_that_equals_an_answer_keeps_what_is_no_mark_of_prompts(tmp_path: Path) -> None:
    pairs = [(f"{n} <<END>>", f"{n} <<END>>") for n in range(11)]
    out = tmp_path / "out.jsonl"
    assert prepare(dataset(tmp_path, pairs), "--out", out, "--without-markers") == 0
    assert written(out) == [[f"{n} <<END>>", str(n)] for n in range(11)]
