"""`finetune watch` shows a run until it ends, also when AWS does not answer for a while."""

from __future__ import annotations

import time

import pytest

from finetune.aws import clients, executions
from finetune.errors import ServiceBusy
from finetune_cli import past as looked
from finetune_cli import states
from finetune_cli.history import rows
from tests.command import answered, finetune
from tests.local.histories import recorded
from tests.past import JUDGED, Runs


def test_a_run_that_has_ended_is_told_with_its_states_its_verdict_and_its_cost(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)
    past.ended(run, output={"evaluation": JUDGED, "promotion": {}})
    monkeypatch.setattr(states, "of", lambda *_: rows(recorded("promoted")))
    assert finetune("watch", run.run_id) == 0
    head, first, *_, verdict, cost = capsys.readouterr().out.splitlines()
    assert (head, first.split(",")[0]) == (run.endpoint_name, "Plan Run")
    assert verdict == "promoted: The custom model is better than the base model."
    assert cost == f"Cost: unknown. `finetune show {run.endpoint_name}` tells the rest."


def test_it_goes_on_until_the_run_ends_and_says_when_that_may_be(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, run = past.add("shop", 1), past.add("shop", 2)
    past.ended(earlier, output={"evaluation": JUDGED})
    slept = list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        past.ended(run, "FAILED", error="TrainingFailed", cause="The job failed.")

    monkeypatch.setattr(time, "sleep", sleep)
    assert finetune("watch", run.run_id, "--every", "3") == 1
    out = capsys.readouterr().out
    assert "because the project's last run took 2 h." in out
    assert "TrainingFailed: The job failed." in out
    assert slept == [3]


def test_a_lost_connection_is_tried_again(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)
    past.ended(run, output={"promotion": {}})
    look, lost = looked.look, ["once"]

    def shaky(*given: object) -> object:
        if lost and len(given) == 2 and lost.pop():
            raise ServiceBusy("While looking: the connection was closed")
        return look(*given)  # type: ignore[arg-type]

    found = looked.find
    monkeypatch.setattr(
        looked, "find", lambda by, text: (found(by, text), monkeypatch.setattr(looked, "look", shaky))[0]
    )
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert finetune("watch", run.run_id) == 0
    assert "AWS is asked again in 10 s: While looking: the connection was closed" in capsys.readouterr().out


def test_a_program_gets_the_end(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    past.ended(run, output={"promotion": {}})
    assert finetune("watch", run.run_id, "--json") == 0
    assert answered(capsys)["verdict"] == "promoted"


def test_ctrl_c_ends_the_watching_alone_and_says_how_to_begin_again(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add("shop", 1)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    assert finetune("watch", run.run_id) == 130
    words = f"Run {run.endpoint_name} goes on; `finetune watch {run.endpoint_name}` shows it again."
    assert capsys.readouterr().out.endswith(f"{words}\n")
    assert executions.goes_on(clients.stepfunctions(), run.execution_arn)
