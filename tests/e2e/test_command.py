"""`python -m local run` as a person starts it: the real SAM CLI deploys, one JSON object comes out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.pipeline import EXAMPLE
from tests.waiting import eventually
from tools.project import ROOT

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


@pytest.fixture(autouse=True)
def _nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    yield
    assert [path.name for path in temporary.iterdir()] == []


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


def test_an_interrupt_while_the_stack_is_deployed_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "local", "run", str(EXAMPLE / "dataset.jsonl"), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:  # noqa: S603 - our own tool
        assert started.stdout
        assert started.stderr
        prepared = {"Start the local cloud", "Build the template"}
        while prepared:
            line = started.stdout.readline()
            assert line, started.stderr.read()
            prepared -= {step for step in prepared if line.startswith(f"✓ {step}")}
        eventually(lambda: list((tmp_path / "temporary").glob("finetune-sam-*/*")), "a folder of the SAM CLI")
        started.send_signal(signal.SIGINT)
        assert started.wait() == 130
        assert started.stderr.read() == "Interrupted; nothing is left running.\n"
    assert not out.exists()


def test_a_mistake_is_one_sentence_and_two() -> None:
    outcome = run(str(EXAMPLE / "dataset.jsonl"), "--fault", "fail-jobb")
    assert outcome.returncode == 2
    assert "fail-job" in outcome.stderr
    assert "Traceback" not in outcome.stderr
