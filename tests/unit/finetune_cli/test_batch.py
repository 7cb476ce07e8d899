"""`finetune batch` asks every prompt of a file once, within a price that was agreed to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command import answered, finetune, write
from tests.past import Runs
from tests.unit.finetune_cli.serving import serving

REFUSED = ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "Converse")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return write(tmp_path / "prompts.jsonl", {"prompt": "one"}, {"prompt": "two"}, {"prompt": "three"})


def test_every_answer_is_written_with_its_line_tokens_latency_and_price(
    past: Runs, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serving(past)
    out = tmp_path / "answers.jsonl"
    assert finetune("batch", "shop", asked, "--out", out, "--yes", "--json") == 0
    found = read(out)
    assert [(each["line"], each["answer"]) for each in found] == [(1, "ONE"), (2, "TWO"), (3, "THREE")]
    first = found[0]
    assert (first["input_tokens"], first["output_tokens"], first["latency_ms"], first["usd"]) == (10, 5, 400, 0.02)
    told = answered(capsys)
    assert (told["answered"], told["left"], told["median_latency_ms"]) == (3, 0, 400)
    assert told["usd"] == pytest.approx(0.06)


def test_run_again_it_asks_only_what_failed(past: Runs, asked: Path, tmp_path: Path) -> None:
    runtime, _ = serving(past)
    out = tmp_path / "answers.jsonl"
    runtime.errors = [REFUSED]
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 1
    assert sorted(each["error"] or "" for each in read(out)) == ["", "", "ValidationException"]
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 0
    assert len(runtime.asked) == 4
    assert finetune("batch", "shop", asked, "--out", out) == 0
    assert len(runtime.asked) == 4
    assert [each["answer"] for each in read(out)] == ["ONE", "TWO", "THREE"]


def test_after_an_interruption_in_the_middle_of_a_line_it_goes_on(past: Runs, asked: Path, tmp_path: Path) -> None:
    runtime, _ = serving(past)
    out = tmp_path / "answers.jsonl"
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 0
    out.write_text(out.read_text()[:-20])
    runtime.errors = [REFUSED]
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 1
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 0
    assert [each["answer"] for each in read(out)] == ["ONE", "TWO", "THREE"]
    assert len(runtime.asked) == 5


def test_nothing_is_asked_before_somebody_agreed_to_the_price(
    past: Runs, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime, _ = serving(past)
    assert finetune("batch", "shop", asked, "--out", tmp_path / "a.jsonl", "--max-tokens", "100") == 1
    err = capsys.readouterr().err
    assert "3 prompts to the custom model amazon.nova-micro-v1:0:128k cost at most $0." in err
    assert "nothing was asked" in err
    assert not runtime.asked


def test_a_price_above_the_bound_ends_it(
    past: Runs, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime, _ = serving(past)
    options = ["--out", tmp_path / "a.jsonl", "--most-usd", "0.01", "--yes"]
    assert finetune("batch", "shop", asked, *options) == 2
    assert "more than the $0.01 of --most-usd" in capsys.readouterr().err
    assert not runtime.asked


def test_answers_to_other_prompts_are_not_thrown_away(
    past: Runs, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serving(past)
    out = tmp_path / "answers.jsonl"
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 0
    before = out.read_text()
    write(asked, {"prompt": "another"})
    assert finetune("batch", "shop", asked, "--out", out, "--yes") == 2
    assert "name another file with --out" in capsys.readouterr().err
    assert out.read_text() == before


def test_a_place_that_cannot_be_written_is_named_before_anything_is_paid(
    past: Runs, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime, _ = serving(past)
    assert finetune("batch", "shop", asked, "--out", tmp_path / "no" / "a.jsonl", "--yes") == 2
    assert "cannot be written: no such file or directory." in capsys.readouterr().err
    assert not runtime.asked
