"""A run's mail is written when it is sent, from what then stands."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.aws import notice
from finetune.contracts import NotifyInput
from finetune.errors import ServiceBusy
from finetune.parts import Failure
from finetune.run import Run
from tests.integration.deployed import Deployed, down

FAILED = Failure(Error="States.Timeout", Cause="Promote Model took too long.")


def deliver(deployed: Deployed, run: Run, redrives: int = 0, **known: Any) -> bool:
    """What Notify does for a run that failed."""
    request = NotifyInput.model_validate(
        {"outcome": "RunFailed", "execution_arn": run.execution_arn, "run": run, "error": FAILED} | known
    )
    return notice.deliver(deployed.by, request, redrives)


def test_a_run_that_was_redriven_while_its_mail_was_written_is_told_of_by_who_ends_it(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.ended(run, "FAILED", redriveCount=1)
    assert not deliver(deployed, run)
    assert deployed.topic.sent == []
    assert deliver(deployed, run, redrives=1)


def test_what_is_published_decides_what_the_mail_tells(deployed: Deployed) -> None:
    request = deployed.stack.request(deployed.planned())
    deployed.stack.promote(request)
    assert deliver(deployed, request.run)
    assert deployed.topic.sent == ["Model promoted: shop"]
    assert "After that the run ended early: Promote Model took too long." in deployed.topic.bodies[0]


def test_a_mail_that_cannot_know_what_is_published_waits(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    run = deployed.planned()
    monkeypatch.setattr(deployed.stack.parameters, "get_parameter", lambda **_: down())
    with pytest.raises(ServiceBusy):
        deliver(deployed, run)
    assert deliver(deployed, run, outcome="RequestRefused")
    assert deployed.topic.sent == ["Run failed (States.Timeout): shop"]


def test_each_redrive_has_its_mail_and_corrects_an_earlier_one_if_there_was_one(deployed: Deployed) -> None:
    corrected, first = deployed.planned(), deployed.planned()
    assert [deliver(deployed, corrected, redrives) for redrives in (0, 2, 2)] == [True, True, False]
    assert deliver(deployed, first, 1)
    assert deployed.topic.sent == [
        "Run failed (States.Timeout): shop",
        "Correction: Run failed (States.Timeout): shop",
        "Run failed (States.Timeout): shop",
    ]
