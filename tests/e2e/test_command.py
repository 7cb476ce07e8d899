"""`python -m local run` as a person starts it: the real SAM CLI deploys, one JSON object comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.pipeline import EXAMPLE
from tests.project import ROOT

KEYS = {
    "run_id",
    "status",
    "decision",
    "error",
    "cause",
    "seconds",
    "states",
    "mails",
    "endpoints_left",
    "billed_usd",
    "report",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", "run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool


def answer(outcome: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(outcome.stdout)
    assert set(content) == KEYS
    return content


def test_the_example_is_promoted_and_everything_of_the_run_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run(str(EXAMPLE / "dataset.jsonl"), "--json", "--out", str(out), "--time-scale", "1800")
    assert outcome.returncode == 0, outcome.stderr
    found = answer(outcome)
    assert (found["status"], found["decision"], found["endpoints_left"]) == ("SUCCEEDED", "promote", 1)
    assert found["states"][0] == "Plan Run"
    assert found["states"][-1] == "Model Promoted"
    assert found["billed_usd"] > 0
    assert [mail["subject"] for mail in found["mails"]] == ["Model promoted: shop-assistant"]
    assert "Promote" in Path(found["report"]).read_text()
    assert {"history.json", "ledger.json", "mails", "run", "logs"} <= {path.name for path in out.iterdir()}


def test_a_broken_dataset_ends_with_one_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = run(str(EXAMPLE / "broken.jsonl"), "--json", "--out", str(tmp_path / "out"))
    assert outcome.returncode == 1, outcome.stderr
    found = answer(outcome)
    assert (found["status"], found["error"], found["endpoints_left"]) == ("FAILED", "DatasetRejected", 0)
    assert found["billed_usd"] == 0
    assert "line 4: " in found["mails"][0]["body"]
    assert Path(found["report"]).name == "validation.html"
    [listed] = (tmp_path / "out").rglob("problems.jsonl")
    assert '"severity":"error","line":4,' in listed.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere/data.jsonl"], "/nowhere/data.jsonl"),
        ([str(EXAMPLE / "dataset.jsonl"), "--fault", "fail-jobb"], "fail-job"),
        ([str(EXAMPLE / "dataset.jsonl"), "--time-scale", "0"], "--time-scale"),
    ],
)
def test_a_mistake_is_one_sentence_and_two(arguments: list[str], words: str) -> None:
    outcome = run(*arguments)
    assert outcome.returncode == 2
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr
