"""`finetune stop` stops an execution once somebody agreed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.aws import clients, executions
from finetune_cli.stop import CAUSE
from tests.command import answered, finetune
from tests.past import Runs


def test_with_yes_the_execution_is_stopped_and_its_cause_says_who(
    past: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    run, sent = past.add("shop", 1), list[dict[str, Any]]()
    asked = "provide-client-params.sfn.StopExecution"
    clients.stepfunctions().meta.events.register(asked, lambda params, **_: sent.append(params))
    assert finetune("stop", run.run_id, "--yes") == 0
    assert sent == [{"executionArn": run.execution_arn, "cause": CAUSE}]
    found = executions.look(clients.stepfunctions(), run.execution_arn)
    assert found
    assert found.status == "ABORTED"
    assert "what its job has trained by then is billed" in capsys.readouterr().out


def test_without_a_yes_nothing_is_stopped(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    assert finetune("stop", run.run_id, "--json") == 1
    assert answered(capsys)["stopped"] is False
    assert executions.goes_on(clients.stepfunctions(), run.execution_arn)


def test_a_run_that_has_ended_is_left_as_it_is(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = past.add("shop", 1)
    past.ended(run)
    assert finetune("stop", run.run_id, "--yes") == 1
    assert f"run {run.endpoint_name} has ended already: nothing new." in capsys.readouterr().err
