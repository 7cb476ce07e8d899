"""Files of a command: looked at before work begins, and nothing that is read is ever written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command import EXAMPLE, check, pair, write


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.jsonl", "cannot be read: no such file or directory."),
        ("folder", "is a directory; name the file in it."),
        ("data.pdf", "is not a dataset: the name of a dataset ends in .jsonl"),
        ("data.jsonl.gz", "; unpack it first."),
        ("data.xlsx", "; export it as CSV."),
    ],
)
def test_what_is_no_dataset_ends_with_2_and_one_sentence(
    tmp_path: Path, name: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    for other in ("data.pdf", "data.jsonl.gz", "data.xlsx"):
        (tmp_path / other).write_bytes(b"x")
    assert check(tmp_path / name) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "dots"])
def test_the_file_that_is_read_is_never_written(tmp_path: Path, link: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.jsonl", *map(pair, range(20)))
    before = data.read_bytes()
    other = tmp_path / "other.jsonl"
    if link == "symbolic":
        other.symlink_to(data)
    elif link == "hard":
        os.link(data, other)
    target = {"same": data, "dots": tmp_path / ".." / tmp_path.name / "data.jsonl"}.get(link, other)
    assert check(data, "--fix", target) == 2
    assert "is also read; write to another file." in capsys.readouterr().err
    assert data.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path != other) == ["data.jsonl"]


@pytest.mark.parametrize("option", ["--validation", "--evaluation", "--settings"])
@pytest.mark.parametrize("out", ["--fix", "--html"])
def test_no_file_that_is_named_to_be_read_is_written(
    tmp_path: Path, option: str, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given.jsonl"
    given.write_text(
        "{}" if option == "--settings" else '{"prompt": "Who?", "completion": "Me.", "reference": "Me."}\n'
    )
    before = given.read_bytes()
    assert check(EXAMPLE / "dataset.jsonl", option, given, out, given) == 2
    captured = capsys.readouterr()
    assert "given.jsonl is also read; write to another file." in captured.err
    assert captured.out == ""
    assert given.read_bytes() == before


def test_a_pipe_is_refused_because_a_dataset_is_read_more_than_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert check(tmp_path / "pipe.jsonl") == 2
    assert "pipe.jsonl is not a regular file; save its content to a regular file first." in capsys.readouterr().err


def test_fix_writes_to_a_file_that_can_be_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert check(EXAMPLE / "dataset.jsonl", "--fix", tmp_path / "pipe.jsonl") == 2
    assert "pipe.jsonl is not a regular file; the new dataset is read again to check it." in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--validation", "--evaluation"])
def test_a_set_that_a_run_would_not_find_is_refused_by_name(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.csv").write_text("prompt,completion\na,b\n")
    assert check(EXAMPLE / "dataset.jsonl", option, tmp_path / "set.csv") == 2
    assert f"a project's {option[2:]} set must be the file {option[2:]}.jsonl." in capsys.readouterr().err


def test_a_file_name_cannot_play_tricks_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "\x1b[31mred.jsonl") == 2
    assert check(os.fsdecode(bytes(tmp_path) + b"/\xff.jsonl")) == 2
    assert "\x1b" not in capsys.readouterr().err
